//! The vendor's list for the tools that IT has.

use std::fmt::Write as _;

use crate::export::text;
use crate::policy::Antivirus;
use crate::text::{named, visible};

named! {
    /// What the exclusions are written as.
    pub enum AntivirusFormat {
        /// PowerShell that adds them to Microsoft Defender Antivirus.
        DefenderPowershell = "defender-powershell",
        /// Custom settings (OMA-URI) for Intune, as CSV.
        IntuneCsv = "intune-csv",
        /// Registry values as Group Policy sets them.
        GpoReg = "gpo-reg",
        /// A list for people.
        Text = "text",
    }
}

impl AntivirusFormat {
    /// Writes the list.
    pub fn write(self, antivirus: &Antivirus) -> String {
        match self {
            Self::DefenderPowershell => powershell(antivirus),
            Self::IntuneCsv => intune(antivirus),
            Self::GpoReg => registry(antivirus),
            Self::Text => list(antivirus),
        }
    }
}

fn powershell(antivirus: &Antivirus) -> String {
    let mut out = String::from(
        "# Antivirus exclusions that the vendor asks for, for Microsoft Defender Antivirus.\n\
         # Run in PowerShell as Administrator on the gateway. What is excluded already stays.\n\
         #Requires -RunAsAdministrator\n$ErrorActionPreference = 'Stop'\n",
    );
    for (flag, values) in [("ExclusionPath", &antivirus.paths), ("ExclusionProcess", &antivirus.processes)] {
        for value in values {
            let _ = writeln!(out, "Add-MpPreference -{flag} {}", crate::text::powershell(value));
        }
    }
    let _ = writeln!(out, "Get-MpPreference | Select-Object ExclusionPath, ExclusionProcess | Format-List");
    let mark = if out.is_ascii() { "" } else { "\u{feff}" };
    format!("{mark}{out}").replace('\n', "\r\n")
}

/// The policy setting takes all values in one, joined by `|`, which no Windows path has.
fn intune(antivirus: &Antivirus) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let joined =
        |values: &[String]| values.iter().map(|value| visible(value).replace('|', "")).collect::<Vec<_>>().join("|");
    let rows = [
        ["Name", "Description", "OMA-URI", "Data type", "Value"].map(str::to_owned),
        [
            "Igor gateway path exclusions".to_owned(),
            "Folders that the vendor wants left alone".to_owned(),
            "./Device/Vendor/MSFT/Policy/Config/Defender/ExcludedPaths".to_owned(),
            "String".to_owned(),
            joined(&antivirus.paths),
        ],
        [
            "Igor gateway process exclusions".to_owned(),
            "Services that the vendor wants left alone".to_owned(),
            "./Device/Vendor/MSFT/Policy/Config/Defender/ExcludedProcesses".to_owned(),
            "String".to_owned(),
            joined(&antivirus.processes),
        ],
    ];
    for row in rows {
        // Writing into memory does not fail.
        let _ = writer.write_record(row.iter().map(|cell| text::cell(cell).into_owned()));
    }
    String::from_utf8_lossy(&writer.into_inner().unwrap_or_default()).into_owned()
}

fn registry(antivirus: &Antivirus) -> String {
    const KEY: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows Defender\Exclusions";
    let mut out = String::from(
        "Windows Registry Editor Version 5.00\n\n; Antivirus exclusions that the vendor asks for, as Group Policy sets them\n",
    );
    let _ = writeln!(out, "[{KEY}]\n\"Exclusions_Paths\"=dword:00000001\n\"Exclusions_Processes\"=dword:00000001");
    for (list, values) in [("Paths", &antivirus.paths), ("Processes", &antivirus.processes)] {
        let _ = writeln!(out, "\n[{KEY}\\{list}]");
        for value in values {
            let escaped = visible(value).replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(out, "\"{escaped}\"=\"0\"");
        }
    }
    // regedit takes a file without a mark for one in the system's own code page.
    let mark = if out.is_ascii() { "" } else { "\u{feff}" };
    format!("{mark}{out}").replace('\n', "\r\n")
}

fn list(antivirus: &Antivirus) -> String {
    let mut out = String::new();
    for (title, values) in [("Path exclusions:", &antivirus.paths), ("Process exclusions:", &antivirus.processes)] {
        let _ = writeln!(out, "{title}");
        for value in values {
            let _ = writeln!(out, "  {}", visible(value));
        }
    }
    out
}

//! Exclusions that open the machine: after Microsoft's "Common mistakes to avoid when defining
//! exclusions".

use super::exclusion::{Exclusion, ExclusionList, glob};

/// Folders that no exclusion should hold as a whole, below any drive.
const FOLDERS: &[&str] = &[
    r"windows",
    r"windows\system32",
    r"windows\syswow64",
    r"windows\temp",
    r"windows\prefetch",
    r"windows\system32\spool",
    r"windows\system32\catroot2",
    r"windows\system32\drivers",
    r"windows\system32\config\systemprofile",
    r"program files",
    r"program files (x86)",
    r"programdata",
    r"users",
    r"users\public",
    r"users\?*",
    r"users\?*\appdata",
    r"users\?*\appdata\local",
    r"users\?*\appdata\local\temp",
    r"users\?*\appdata\locallow\temp",
    r"users\?*\appdata\roaming",
    r"users\?*\desktop",
    r"users\?*\downloads",
    r"users\?*\documents",
    r"temp",
    r"tmp",
];

/// Endings under which programs and scripts run.
const EXTENSIONS: &[&str] = &[
    "bat", "bin", "cab", "cmd", "com", "cpl", "dll", "exe", "hta", "inf", "jar", "job", "jpeg", "jpg", "js", "jse",
    "ko", "ko.gz", "msi", "ocx", "png", "ps1", "psm1", "py", "rar", "reg", "scr", "sys", "tar", "tmp", "url", "vbe",
    "vbs", "wsf", "zip", "7z", "7zip", "gif", "gz", "java", "fla", "doc", "docm", "docx", "xls", "xlsm", "xlsx",
];

/// Programs that run whatever they are given.
const PROGRAMS: &[&str] = &[
    "addinprocess.exe",
    "addinprocess32.exe",
    "addinutil.exe",
    "bash.exe",
    "bginfo.exe",
    "bitsadmin.exe",
    "cdb.exe",
    "certutil.exe",
    "cmd.exe",
    "cscript.exe",
    "csi.exe",
    "dbghost.exe",
    "dbgsvc.exe",
    "dnx.exe",
    "dotnet.exe",
    "excel.exe",
    "explorer.exe",
    "fsi.exe",
    "fsianycpu.exe",
    "iexplore.exe",
    "java.exe",
    "javaw.exe",
    "kd.exe",
    "msbuild.exe",
    "mshta.exe",
    "msiexec.exe",
    "node.exe",
    "ntkd.exe",
    "ntsd.exe",
    "outlook.exe",
    "powerpnt.exe",
    "powershell.exe",
    "powershell_ise.exe",
    "psexec.exe",
    "pwsh.exe",
    "python.exe",
    "rcsi.exe",
    "regsvr32.exe",
    "rundll32.exe",
    "schtasks.exe",
    "services.exe",
    "svchost.exe",
    "system.management.automation.dll",
    "w3wp.exe",
    "windbg.exe",
    "winword.exe",
    "wmic.exe",
    "wscript.exe",
    "wsl.exe",
];

/// Why an exclusion is too wide to be left; `None` if it is not.
pub(super) fn too_broad(text: &str, list: ExclusionList) -> Option<String> {
    let exclusion = Exclusion::new(text);
    match list {
        ExclusionList::Path => path(&exclusion),
        ExclusionList::Process => process(&exclusion),
        ExclusionList::Extension => extension(text),
    }
}

fn path(exclusion: &Exclusion) -> Option<String> {
    let (drive, folders) = match exclusion.parts.split_first() {
        None => return Some("it has no name at all".to_owned()),
        Some((first, rest)) if is_drive(first) => (true, rest),
        Some(_) => (false, exclusion.parts.as_slice()),
    };
    let only_stars = folders.iter().all(|part| part.chars().all(|c| matches!(c, '*' | '?' | '.')));
    if only_stars {
        return Some(if drive {
            "a whole drive is never scanned".to_owned()
        } else {
            "every file is left unscanned".to_owned()
        });
    }
    if let [one] = folders
        && let Some((stars, ending)) = one.rsplit_once('.')
        && stars.chars().all(|c| c == '*')
        && !stars.is_empty()
        && EXTENSIONS.contains(&ending)
    {
        return Some(format!(
            "no .{ending} file {} is scanned",
            if drive { "of the drive's root" } else { "anywhere" }
        ));
    }
    // `folder\*` names what is in the folder.
    let named = match folders.split_last() {
        Some((last, before)) if last.chars().all(|c| c == '*' || c == '.') => before,
        _ => folders,
    };
    // Either is a pattern: `users\*` holds every account, and `C:\Window?` is the system's folder.
    let folder = |known: &&&str| {
        let known: Vec<&str> = known.split('\\').collect();
        let holds = |named: (&&str, &String)| glob(named.0, named.1);
        let is_held = |named: (&&str, &String)| glob(named.1, named.0);
        known.len() == named.len() && (known.iter().zip(named).all(holds) || known.iter().zip(named).all(is_held))
    };
    if drive && FOLDERS.iter().any(|known| folder(&known)) {
        return Some("this folder holds programs or files of every user; exclude the product's own folder".to_owned());
    }
    exclusion
        .unknown_variable
        .as_deref()
        .filter(|name| {
            matches!(*name, "%userprofile%" | "%appdata%" | "%localappdata%" | "%homepath%")
                && exclusion.parts.len() == 1
        })
        .map(|name| format!("{name} is the folder of a whole account"))
}

fn is_drive(part: &str) -> bool {
    part.len() == 2 && part.ends_with(':')
}

fn process(exclusion: &Exclusion) -> Option<String> {
    let name = exclusion.last();
    let bare = exclusion.parts.len() <= 1;
    let stars = name.trim_end_matches(".exe").chars().all(|c| matches!(c, '*' | '?' | '.'));
    if bare && stars {
        return Some("nothing that any program opens is scanned".to_owned());
    }
    if stars && exclusion.parts[..exclusion.parts.len() - 1].iter().skip(1).all(|part| part.chars().all(|c| c == '*')) {
        return Some("nothing that any program of the drive opens is scanned".to_owned());
    }
    PROGRAMS
        .iter()
        .find(|program| **program == name || (!stars && glob(name, program)))
        .map(|program| format!("{program} runs what it is given, so whatever it opens goes unscanned"))
}

fn extension(text: &str) -> Option<String> {
    let ending = text.trim().trim_start_matches(['*', '.']).to_lowercase();
    if ending.is_empty() {
        return Some("every file is left unscanned".to_owned());
    }
    EXTENSIONS.contains(&ending.as_str()).then(|| format!("no .{ending} file anywhere is scanned"))
}

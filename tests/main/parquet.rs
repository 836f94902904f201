//! Parquet files, read by the engines of the field (scripts/test-hosts.sh installs them).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::command::{below, run, sample};
use crate::skips::skipped;
use crate::tools::printed;

/// The Python that has the engines.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/engines/bin/python3");
    let has = |module: &str| Command::new(&python).args(["-c", module]).output().is_ok_and(|out| out.status.success());
    has("import chdb, datafusion, duckdb, polars, pyarrow, pyspark").then_some(python)
}

/// What a script of the engines says when it has the program, the samples and the fleet's questions.
fn said_by(python: &Path, script: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = [Path::new(env!("CARGO_BIN_EXE_igorscope")), &root.join("captures"), &root.join("fleet")];
    printed(Command::new(python).arg(root.join("tests/engines").join(script)).args(arguments))
}

/// Spark takes what there is of the machine: one test at a time has it.
static SPARK: Mutex<()> = Mutex::new(());

fn spark() -> MutexGuard<'static, ()> {
    SPARK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = below(folder, "");
    found.sort();
    found.iter().map(|path| path.strip_prefix(folder).unwrap().to_owned()).collect()
}

#[test]
fn five_engines_read_the_values_of_the_csv_files() {
    let _alone = spark();
    let Some(python) = python() else {
        return skipped("Parquet files by DuckDB, ClickHouse, Polars, DataFusion and Spark (none installed)");
    };
    let folder = tempfile::tempdir().unwrap();
    let (out, capture, inventory) = (folder.path(), sample("site-survey.pcapng"), sample("site-survey.toml"));
    let arguments =
        ["analyze", "-q", "--health", "--format", "csv,parquet", "--site-name", "Harbour 4, \"west\"", "--inventory"];
    let all = arguments.map(Into::into).into_iter().chain([inventory.into_os_string(), "-o".into(), out.into()]);
    run(all.chain([capture.into_os_string()])).expect(0, &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/values.py");
    let said = printed(Command::new(python).arg(script).arg(out));
    assert_eq!(said.matches("values are those of the CSV files").count(), 5, "{said}");
}

#[test]
fn five_engines_answer_the_questions_of_a_fleet_alike() {
    let _alone = spark();
    let Some(python) = python() else {
        return skipped("the fleet's questions by DuckDB, ClickHouse, Polars, DataFusion and Spark (none installed)");
    };
    let said = said_by(&python, "questions.py");
    assert_eq!(said.matches("12 questions").count(), 5, "{said}");
}

#[test]
fn a_fleet_is_loaded_into_clickhouse_and_compacted() {
    let Some(python) = python() else { return skipped("fleet/clickhouse and fleet/compaction (no engines installed)") };
    said_by(&python, "warehouse.py");
}

#[test]
fn a_spark_job_outlives_a_worker() {
    let _alone = spark();
    let Some(python) = python() else { return skipped("fleet/spark on a cluster (no Spark installed)") };
    let said = said_by(&python, "spark_job.py");
    assert!(said.contains("a worker was killed after"), "{said}");
}

#[test]
fn the_fleets_page_is_made_by_duckdb() {
    let Some(python) = python() else { return skipped("igorscope fleet by DuckDB (not installed)") };
    let folder = tempfile::tempdir().unwrap();
    let (lake, page) = (folder.path().join("lake's"), folder.path().join("fleet.html"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut make = Command::new(&python);
    make.arg(root.join("tests/engines/fleet.py")).arg(env!("CARGO_BIN_EXE_igorscope")).arg(root.join("captures"));
    printed(make.arg(&lake).arg("3"));
    let path = format!("{}:{}", python.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let fleet = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_igorscope"));
        command.arg("fleet").arg(&lake).arg("-o").arg(&page).env("PATH", path);
        crate::command::Run::of(command.output().unwrap())
    };
    let told = fleet(&path).expect(0, &[]).out;
    assert!(told.starts_with("4 sites, see "), "{told}");
    let html = fs::read_to_string(&page).unwrap();
    for words in ["<h1>4 sites</h1>", "Site 00", "Customer 1", "Hall 2", "Carried before, blocked now", "10.20.0.102"] {
        assert!(html.contains(words), "{words}");
    }
    // Without it, it says how it is had.
    fleet("").expect(2, &["needs DuckDB", "pip install duckdb"]);
    fs::remove_dir_all(lake.join("surveys")).unwrap();
    fleet(&path).expect(2, &["has no table surveys", "--format parquet"]);
}

#[test]
fn a_run_repeated_replaces_its_files_and_another_policy_stands_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let capture = sample("site-survey.pcapng");
    let write = |more: &[&str]| {
        let all = ["analyze", "-q", "--format", "parquet", "-o", out.to_str().unwrap(), capture.to_str().unwrap()];
        run(all.iter().chain(more)).expect(0, &[]);
        files(out)
    };
    let once = write(&["--site-name", "A"]);
    let tables: Vec<_> = once.iter().map(|path| path.iter().next().unwrap().to_owned()).collect();
    assert_eq!(
        tables,
        [
            "caveats",
            "conversations",
            "coverage",
            "finding_hosts",
            "findings",
            "flows",
            "health",
            "hosts",
            "inputs",
            "node_ports",
            "nodes",
            "surveys"
        ]
    );
    let layout = |path: &PathBuf| path.to_str().unwrap().replace('\\', "/").contains("/day=2026-03-17/site=a/");
    assert!(once.iter().all(layout), "{once:?}");
    let flows = out.join(&once[5]);
    let bytes = fs::read(&flows).unwrap();
    assert_eq!(write(&["--site-name", "A"]), once);
    assert!(fs::read(&flows).unwrap() == bytes, "the same inputs give the same bytes");
    assert_eq!(write(&["--site-name", "A", "--node", "10.99.0.0/16"]).len(), 2 * once.len());
    assert_eq!(write(&["--site-name", "B"]).len(), 3 * once.len());
}

#[test]
fn parquet_needs_a_folder() {
    let capture = sample("site-survey.pcapng");
    run(["analyze", "--format", "parquet", capture.to_str().unwrap()]).expect(2, &["--output"]);
}

/// A folder of results may be anybody's: a module that lies in it is not run.
#[test]
fn no_program_of_the_fleets_folder_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, page, mark) = (folder.path().join("lake"), folder.path().join("fleet.html"), folder.path().join("ran"));
    for table in ["surveys", "flows", "conversations", "coverage", "hosts"] {
        fs::create_dir_all(lake.join(table)).unwrap();
    }
    fs::write(lake.join("duckdb.py"), format!("open({:?}, 'w')\n", mark.to_str().unwrap())).unwrap();
    run(["fleet", lake.to_str().unwrap(), "-o", page.to_str().unwrap()]).expect(2, &["needs DuckDB"]);
    assert!(!mark.exists());
}

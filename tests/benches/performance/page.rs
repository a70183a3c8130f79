//! `docs/performance.md`: the figures as tables, each beside its target.

use crate::instructions::start_of;
use crate::operations::Operation;
use crate::plots::{float, number, thousands};
use crate::prices::{self, MEMBER, PRICES_OF};
use crate::report::{Machine, Report};

/// The page.
pub fn page(report: &Report) -> String {
    let sections = [
        head(&report.machine),
        operations(&report.operations),
        loads(report),
        imports(report),
        functions(report),
        pace(report),
        prices(report),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(machine: &Machine) -> String {
    let Machine { day, cores, system, profile, quick, seconds } = machine;
    let form = if *quick { " This is the short form." } else { "" };
    format!(
        "# Performance\n\n\
        <!-- The benchmark wrote this from performance.json. To change it, change tests/benches/performance/. -->\n\n\
        `cargo bench --workspace --bench performance` measures all of this anew on one machine: the real functions of a\n\
        release build behind the local gateway, whose DynamoDB counts units as AWS does. It writes `docs/performance.json`,\n\
        and from that this page and its plots. With `-- --quick` it leaves out the longest histories, repeats less, and\n\
        writes into `target/performance/`: some four minutes after compiling on an idle machine, up to twice that on a busy\n\
        one. `-- --instructions` only counts instructions, and tells which are worse than here by more than 2 %. `-- --render`\n\
        draws page and plots again from the existing figures.\n\n\
        This run: {day}, {cores} cores, {system}, {profile} profile, {seconds} s after compiling.{form} Round trips,\n\
        units and bytes are the same on every machine, and instructions on every machine of a kind. Milliseconds, rates,\n\
        processor time, init and memory are this machine's.\n\n\
        ✔ means no more than the target, ✘ more.\n"
    )
}

/// A table, without columns that are empty.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.collect();
    let used = |column: &usize| rows.iter().any(|row| !row[*column].is_empty());
    let columns: Vec<usize> = (0..head.len()).filter(used).collect();
    let line = |cells: &[String]| {
        let cells: Vec<&str> = columns.iter().map(|column| cells[*column].as_str()).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{}{body}", line(&head), line(&vec!["---".to_owned(); head.len()]))
}

fn whole(count: usize) -> String {
    thousands(&count.to_string())
}

/// Instructions, in millions.
fn millions(count: f64) -> String {
    number(count / 1e6)
}

/// A figure beside its limit.
fn limited(value: f64, limit: Option<f64>) -> String {
    match limit {
        Some(limit) => format!("{} ≤ {} {}", number(value), number(limit), if value <= limit { "✔" } else { "✘" }),
        None => number(value),
    }
}

fn operations(rows: &[Operation]) -> String {
    let cells = |row: &Operation| {
        let target = row.target;
        vec![
            row.name.clone(),
            if row.size == 0 { String::new() } else { whole(row.size) },
            limited(row.round_trips, target.map(|target| target.round_trips)),
            limited(row.read_units, target.and_then(|target| target.read_units)),
            limited(row.write_units, target.map(|target| target.write_units)),
            whole(row.requests),
            whole(row.resources),
            number(row.total_read_units),
            if row.bytes == 0 { String::new() } else { whole(row.bytes) },
            if row.bytes == 0 { String::new() } else { whole(row.carried) },
            row.process_cpu_us.map_or_else(String::new, number),
            row.instructions.map_or_else(String::new, millions),
            if row.bytes == 0 { String::new() } else { number(row.ms) },
        ]
    };
    let with_target: Vec<&Operation> = rows.iter().filter(|row| row.target.is_some()).collect();
    let met = with_target.iter().filter(|row| row.target.is_some_and(|target| target.is_met(row))).count();
    format!(
        "## The cost of a request\n\n\
        {met} of {} operations with a target meet it. Each data request spends one read unit on the grant, which is read\n\
        consistently; data are read eventually consistently. Write units are the audit record's. \"Size\" is the number of\n\
        resources in the history or the record. If an operation takes several requests (pages, members), round trips, units,\n\
        bytes and processor time are those of the costliest request; \"read units in all\" and milliseconds are sums. Bytes are\n\
        counted in the answer, and as a function hands the answer to Lambda (JSON in JSON), where the limit is 6 MB.\n\n\
        \"CPU µs\" is what the function's process used, SDK, TLS and runtime included, because Lambda bills the process: the\n\
        mean of 9 requests, of 5 walks for the steps to a token (the step \"authorize\" includes the page to sign in that it\n\
        leads to), and the costliest single request where an operation takes several. \"million instructions\" are those of\n\
        the same process, counted by callgrind: the same on every machine of a kind, whatever else it does, so they tell what\n\
        a change did. Callgrind counts SHA-256 in software. They are counted where no long history is needed. \"ms\" is the\n\
        median of 9 requests, or the sum over an operation of several. A page that is packed by gzip or zstd goes to Lambda\n\
        as base64.\n\n{}\n\
        ![Read units by length of history](performance/history.svg)\n",
        with_target.len(),
        table(
            &[
                "operation",
                "size",
                "round trips",
                "read units",
                "write units",
                "requests",
                "resources",
                "read units in all",
                "bytes",
                "bytes to Lambda",
                "CPU µs",
                "million instructions",
                "ms",
            ],
            rows.iter().map(cells),
        )
    )
}

fn loads(report: &Report) -> String {
    let rows = report.loads.iter().map(|load| {
        vec![
            load.what.clone(),
            whole(usize::try_from(load.resources).unwrap_or(0)),
            whole(usize::try_from(load.stored).unwrap_or(0)),
            limited(load.each(), load.target),
            number(load.write_units),
            number(load.read_units),
            whole(usize::try_from(load.bytes).unwrap_or(0)),
            number(load.per_second),
        ]
    });
    let one = report.chores.iter().find(|chore| chore.operation == "load: one resource");
    let one = one.and_then(|chore| chore.instructions).map_or_else(String::new, |count| {
        format!(" The loader takes {} million instructions for a resource.", millions(count))
    });
    format!(
        "## The cost of loading\n\n\
        Write units include everything that the loader writes, and what DynamoDB bills for refused writes of existing rows.\n\
        Bytes are those of the table and its index after the load, with the 100 that DynamoDB bills for each item of both. The\n\
        yardstick for the rate is 1,000 resources a second; loader and DynamoDB share this machine.{one}\n\n{}\n\
        ![Write units per resource](performance/loads.svg)\n",
        table(
            &[
                "load",
                "read",
                "written",
                "write units each",
                "write units",
                "read units",
                "bytes stored",
                "resources a second",
            ],
            rows
        )
    )
}

/// Nothing where an earlier report has no imports.
fn imports(report: &Report) -> String {
    let rows = report.imports.iter().map(|import| {
        let target = import.target.map_or_else(String::new, |target| format!(" (at least {})", number(target)));
        let per_second = format!("{}{target}", number(import.per_second));
        vec![import.what.clone(), import.rows.to_string(), import.written.to_string(), per_second]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "## Members\n\n\
        `member import` of a file of a whole plan, with the emulator on the same cores. Each new person is two rows, fifty persons are\n\
        one transaction; the same file once more only reads.\n\n{}",
        table(&["what", "rows", "persons written", "rows a second"], rows.into_iter())
    )
}

fn functions(report: &Report) -> String {
    let rows = report.functions.iter().map(|function| {
        let [low, median, high] = function.init_ms;
        let limit = match function.name.as_str() {
            "MetadataFunction" => Some(5.0),
            "ReadFunction" | "SearchFunction" => Some(20.0),
            _ => None,
        };
        let start = report.chores.iter().find(|chore| chore.operation == start_of(&function.name));
        let megabytes = |bytes: u64| float(usize::try_from(bytes).unwrap_or(0)) / 1e6;
        vec![
            function.name.clone(),
            number(megabytes(function.bytes)),
            limited(median, limit),
            format!("{} – {}", number(low), number(high)),
            start.and_then(|start| start.process_cpu_us).map_or_else(String::new, |us| number(us / 1e3)),
            start.and_then(|start| start.instructions).map_or_else(String::new, millions),
            function.peak_memory.map_or_else(String::new, |bytes| limited(megabytes(bytes), Some(64.0))),
        ]
    });
    format!(
        "## The functions\n\n\
        Init is the time from the start of the process to its first request for work; its processor time and instructions\n\
        are the process's until then. Memory is the most that a process had\n\
        resident after all of the above, including a member whose texts are 145 MB in one call. A function without a figure\n\
        was not called.\n\n{}",
        table(
            &[
                "function",
                "package MB",
                "init ms, median",
                "from – to",
                "init CPU ms",
                "init million instructions",
                "peak memory MB",
            ],
            rows
        )
    )
}

fn pace(report: &Report) -> String {
    let pace = &report.pace;
    let rows = pace.beats.iter().map(|beat| {
        vec![
            beat.request.clone(),
            whole(beat.resources),
            limited(beat.ms, beat.yardstick_ms),
            number(1000.0 / beat.ms),
            number(beat.per_second),
            number(beat.own_ms),
            beat.cpu_ms.map_or_else(String::new, number),
        ]
    });
    let (ms, own_ms) = pace.beats.first().map_or((f64::NAN, f64::NAN), |read| (read.ms, read.own_ms));
    format!(
        "## Timed requests\n\n\
        Requests for {}, through gateway and Runtime API, with token, grant\n\
        check and audit. They take turns in {} rounds of {}. A time is the median of the quietest round, because everything\n\
        else on the machine only adds to it; processor time is the quietest round's mean. A member who has fewer resources\n\
        than the page may hold gets them all: \"resources\" says how many came. The yardstick is a good native FHIR server with the same data on a machine\n\
        like this one: one process, SQLite, no token, no audit.\n\n{}\n\
        The time of a read: client, gateway, Runtime API and back take {} ms, measured by a request without any work in a\n\
        function; our code beside its calls takes {} ms; two calls to DynamoDB at once, for grant and data, {} ms; and\n\
        after them one more, for the audit record, {} ms. The calls are timed by themselves, SDK and emulator. The parts leave\n\
        {} ms over, because client, gateway, function and emulator share the cores.\n\n\
        ![Milliseconds beside the yardstick](performance/pace.svg)\n",
        pace.material,
        pace.rounds,
        pace.requests,
        table(
            &[
                "request",
                "resources",
                "ms",
                "a second, one connection",
                "a second, four",
                "ms in our code beside its calls",
                "CPU ms of the process",
            ],
            rows
        ),
        number(pace.way_ms),
        number(own_ms),
        number(pace.gets_ms),
        number(pace.put_ms),
        number(ms - pace.way_ms - own_ms - pace.gets_ms - pace.put_ms),
    )
}

fn prices(report: &Report) -> String {
    let prices = prices::prices(&report.operations, &report.loads);
    let rows = prices.iter().map(|price| {
        let parts: Vec<String> = price
            .parts
            .iter()
            .filter(|(_, part)| *part > 0.0)
            .map(|(name, part)| format!("{name} {part:.2}"))
            .collect();
        vec![price.what.clone(), format!("${:.2}", price.dollars), parts.join(", ")]
    });
    format!(
        "## In dollars\n\n\
        The units above at AWS's prices, {PRICES_OF}; they are written down and not looked up. Each\n\
        request is assumed to take 100 ms at 512 MB, because AWS's network is not on this machine, and to write 2 KB of log.\n\
        Data that leave AWS are not included. {MEMBER}\n\n{}\n\
        ![Dollars](performance/prices.svg)\n",
        table(&["what", "US dollars", "of which"], rows)
    )
}

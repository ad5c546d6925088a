//! JUnit XML of a batch: the document of each subject is one suite.

use crate::report::{RunResult, junit};

pub fn render(results: &[RunResult]) -> String {
    let mut suites = String::new();
    let mut sums = [0_usize; 3];
    for result in results {
        let document = junit::render(result);
        let Some(from) = document.find("  <testsuite ") else { continue };
        let until = document.find("</testsuites>").unwrap_or(document.len());
        let suite = &document[from..until];
        for (sum, name) in sums.iter_mut().zip(["tests", "failures", "errors"]) {
            let value = suite.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            *sum += value.and_then(|v| v.parse::<usize>().ok()).unwrap_or(0);
        }
        // The suite's name is the lab: a class needs the subject in it.
        let subject = crate::report::escape::xml(&result.subject.name.replace(['\n', '\t'], " "));
        suites.push_str(&suite.replacen("\" tests=", &format!(" · {subject}\" tests="), 1));
    }
    let [tests, failures, errors] = sums;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"labkit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"0\">\n{suites}</testsuites>\n"
    )
}

//! The outcome of a failed call: a pure function of its reply's status and code.

use http::StatusCode;

use crate::{
    error::{Effect, Outcome},
    service_code::ServiceCode,
};

/// Returns the outcome of a call that did not succeed. `may_name_task` says whether the body may name a task.
///
/// `Rejected` needs proof that the service or its gateway refused the request before it did anything. The reference
/// lists codes and statuses; that a refusal has done nothing is inferred. Sources: carrier reference, errors; for the
/// meaning of the gateway's numbers, the vendor's API Request Signing Guide, error codes.
pub(crate) fn outcome(status: StatusCode, effect: Effect, code: Option<&ServiceCode>, may_name_task: bool) -> Outcome {
    if effect == Effect::CreatesTask && may_name_task {
        return Outcome::Unknown;
    }
    let Some(code) = code else { return outcome_of_status(status) };
    match (code, code.gateway_number()) {
        // The code of success contradicts the status or the output is missing, or the service failed inside.
        (ServiceCode::Success | ServiceCode::InnerInvokeFailure, _) => Outcome::Unknown,
        // The gateway throttled the request, so it did not pass it on.
        _ if code.is_throttling() => Outcome::Rejected,
        // These numbers mean "request entity too large" and the like, but also "the backend timed out".
        (_, Some("0201" | "0202" | "0203")) if !matches!(status.as_u16(), 400 | 413 | 414 | 494) => Outcome::Unknown,
        (_, Some(_)) if status.is_success() => Outcome::Rejected,
        _ if code.is_listed_refusal() => Outcome::Rejected,
        _ if code.is_of_series() && !status.is_server_error() => Outcome::Rejected,
        _ => outcome_of_status(status),
    }
}

/// Returns the outcome that a status proves without a code.
///
/// 307 and 308 ask the client to send the same request elsewhere, so it was not carried out. 301, 302 and 303 may also
/// answer a request that was carried out. A proxy answers 499 when it gives up on a request that it may have passed on.
fn outcome_of_status(status: StatusCode) -> Outcome {
    match status.as_u16() {
        307 | 308 | 400..=498 => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outcome::{Rejected, Unknown};

    /// Returns the outcome of a failed creation.
    fn outcome_of_creation(status: u16, code: Option<&str>, may_name_task: bool) -> Outcome {
        let code = code.map(ServiceCode::from);
        outcome(StatusCode::from_u16(status).unwrap(), Effect::CreatesTask, code.as_ref(), may_name_task)
    }

    #[test]
    fn a_status_decides_without_a_code() {
        for (statuses, expected) in [
            (&[307, 308, 400, 401, 403, 404, 408, 413, 429, 498][..], Rejected),
            (&[200, 204, 301, 302, 303, 304, 399, 499, 500, 502, 503, 504, 599], Unknown),
        ] {
            for status in statuses {
                assert_eq!(outcome_of_creation(*status, None, false), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_code_tells_more_than_its_status() {
        let cases = [
            // Listed refusals, whatever the status.
            (200, "13000311", Rejected),
            (400, "13000101", Rejected),
            (500, "13000302", Rejected),
            // Other codes of the series, except with a status of 5xx.
            (200, "13999999", Rejected),
            (400, "13009999", Rejected),
            (302, "13009999", Rejected),
            (500, "13999999", Unknown),
            // Outside of the series: nine and seven digits, other beginnings, no number.
            (200, "130003110", Unknown),
            (200, "1300031", Unknown),
            (200, "12000311", Unknown),
            (200, "-1", Unknown),
            (200, "500", Unknown),
            (200, "E1300031", Unknown),
            (400, "-1", Rejected),
            (401, "401", Rejected),
            (500, "-1", Unknown),
            // A failure inside the service, and the code of success in a failed call.
            (200, "13000201", Unknown),
            (400, "13000201", Unknown),
            (401, "13000201", Unknown),
            (200, "0", Unknown),
            (400, "0", Unknown),
            // The gateway.
            (200, "APIGW.0301", Rejected),
            (401, "APIG.0301", Rejected),
            (500, "APIGW.0301", Unknown),
            (302, "APIGW.0301", Unknown),
            (429, "APIGW.0308", Rejected),
            (400, "APIG.0308", Rejected),
            (403, "APIGW.0308", Rejected),
            (503, "APIG.0308", Rejected),
            (400, "APIG.0201", Rejected),
            (413, "APIGW.0201", Rejected),
            (414, "APIG.0202", Rejected),
            (494, "APIGW.0203", Rejected),
            (200, "APIG.0201", Unknown),
            (403, "APIGW.0203", Unknown),
            (504, "APIG.0202", Unknown),
        ];
        for (status, code, expected) in cases {
            assert_eq!(outcome_of_creation(status, Some(code), false), expected, "{code} under {status}");
        }
    }

    #[test]
    fn a_task_beside_any_refusal_may_exist() {
        for (status, code) in [
            (200, Some("13000312")),
            (400, Some("13009999")),
            (401, Some("APIGW.0301")),
            (429, Some("APIGW.0308")),
            (400, None),
        ] {
            assert_eq!(outcome_of_creation(status, code, true), Unknown, "{code:?} under {status}");
        }
    }

    #[test]
    fn a_task_beside_a_refused_query_proves_nothing() {
        assert_eq!(outcome(StatusCode::BAD_REQUEST, Effect::Reads, None, true), Rejected);
    }
}

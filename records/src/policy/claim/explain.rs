//! A claim policy in words.

use super::ClaimPolicy;
use std::fmt::Write as _;

pub(super) fn explain(policy: &ClaimPolicy) -> String {
    let rules = policy.rules();
    let mut text = format!(
        "Policy {}, version {}: what plan {} of {} pays for one service line, in USD.\n\n\
         A claim is payable if\n\
         - {} has signed coverage of the holder under this plan that includes the day of the service;\n\
         - a provider accepted on that day signed the service for the holder, with these units and this charge;\n\
         - it is received within {} days of the service;\n\
         - its diagnosis and procedure stand in one row below, with at least one unit and at most the row's maximum;\n\
         - {} has authorised it for that day and at least these units, where the row says so;\n\
         - no claim for the same member, provider, day and procedure was made before, whatever its amount;\n\
         - the payment is within what is left of the year.\n\n\
         Allowed is the lesser of the charge and the fee for the units. The patient bears what is left of the \
         deductible, then {} % of the rest, rounded half up to the cent; both together at most what is left \
         of the out-of-pocket maximum. The plan pays the rest; a payment over the annual rest is refused, \
         not cut.\n\nRows:\n",
        policy.id(),
        policy.version(),
        rules.plan,
        rules.payer,
        rules.payer,
        rules.max_days,
        rules.payer,
        hundredths(rules.coinsurance_bp.into()),
    );
    for row in policy.rows() {
        let units = match row.max_units {
            1 => "1 unit".to_owned(),
            n => format!("{n} units"),
        };
        let authorisation = if row.prior_authorisation {
            ", with prior authorisation"
        } else {
            ""
        };
        // Writing to a String has no errors.
        let _ = writeln!(
            text,
            "- {} for {}: {} a unit, at most {units}{authorisation}",
            row.procedure,
            row.diagnosis,
            hundredths(row.fee.get()),
        );
    }
    if !policy.not_covered().is_empty() {
        let _ = writeln!(text, "\nNot looked at: {}.", policy.not_covered().join(", "));
    }
    text
}

fn hundredths(x: u64) -> String {
    format!("{}.{:02}", x / 100, x % 100)
}

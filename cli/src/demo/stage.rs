//! What every scene needs: services, data, report, and the steps that recur.

use super::{
    DemoError,
    data::Data,
    deployment::{Deployment, Desk},
    report::Report,
};
use crate::journey::{
    JourneyError, bind, desk::Posted, enrolment::Card, governance::PolicyDates, wallet::Wallet,
};
use medproof_proto::gateway::State;
use medproof_verifier::{Day, Name, asked::Asked};
use rand::rngs::OsRng;

/// The running demonstration.
pub(super) struct Stage<'a, 'o> {
    pub(super) d: &'a mut Deployment,
    pub(super) data: &'a Data,
    pub(super) report: &'a mut Report<'o>,
}

/// A person with a wallet and an identity card.
pub(super) struct Person {
    pub(super) wallet: Wallet,
    pub(super) card: Card,
}

impl Person {
    pub(super) fn new(name: &str, birth_date: &str, document: &str) -> Self {
        Self {
            wallet: Wallet::generate(&mut OsRng),
            card: Card {
                name: name.to_owned(),
                birth_date: birth_date.to_owned(),
                document: document.to_owned(),
            },
        }
    }
}

/// A name of the story.
pub(super) fn name(text: &'static str) -> Name {
    text.parse()
        .expect("the story's names are constants within the alphabet")
}

/// A date of the story.
pub(super) fn day(text: &'static str) -> Day {
    Day::parse(text).expect("the story's dates are constants of the calendar")
}

/// A policy that is valid from a date of the story on.
pub(super) fn from_day<'a>(date: &'static str, text: &'a str) -> PolicyDates<'a> {
    PolicyDates {
        from: day(date),
        to: Day::OPEN,
        text,
    }
}

/// The ledger's words when a gateway passes its refusal on.
pub(super) fn ledger_refusal<T>(result: Result<T, JourneyError>) -> Option<String> {
    match result {
        Err(error) if error.gateway_code() == Some("ledger-refused") => Some(error.to_string()),
        _ => None,
    }
}

impl Stage<'_, '_> {
    /// The one-time bind: an issuer asks, the holder proves, nothing is posted.
    pub(super) async fn bind(
        &mut self,
        person: &Person,
        desk: &mut Desk,
        issuer: &Name,
        domain: &Name,
        party: &'static str,
    ) -> Result<(), DemoError> {
        let asked = Asked::Bind {
            issuer: issuer.clone(),
            domain: domain.clone(),
            identity: person.card.digest(),
        };
        let challenge = desk.staff.ask(&asked).await?;
        let accepted = bind::answer(
            &person.wallet,
            &challenge,
            &mut self.d.ledger,
            &mut self.d.prover,
            &mut desk.counter,
        )
        .await?;
        let outcome = desk.staff.outcome(&challenge.challenge).await?;
        let membership = person.wallet.membership(domain)?;
        let shown = outcome.subject == Some(person.wallet.subject(issuer))
            && outcome.person == Some(membership.person);
        self.report.expect(
            accepted.posted.is_none() && outcome.state == State::Accepted && shown,
            party,
            "bind accepted: the pseudonym belongs to the person whose card it sees; nothing is posted",
        );
        Ok(())
    }

    /// What the ledger got for a posted statement.
    pub(super) fn posted(&mut self, what: &str, posted: &Posted) {
        self.report.size(&format!("{what}_entry"), posted.entry.len());
        self.report
            .size(&format!("{what}_receipt"), posted.receipt.to_bytes().len());
        self.report.sees(
            "ledger",
            format!(
                "entry {}: proof, public numbers and the poster's signature ({} bytes), no record",
                posted.receipt.index,
                posted.entry.len()
            ),
        );
    }
}

//! The resources that are used, with the fields that are used. Fields are FHIR's, in snake case; whatever is
//! absent is `None` or empty, and nothing is interpreted here.

use super::types::{CodeableConcept, Identifier, Meta, Money, Period, Quantity, Reference};
use crate::date::PartialDate;
use crate::decimal::Decimal;
use serde::Deserialize;

/// The person.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Patient {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Birth date.
    pub birth_date: Option<PartialDate>,
    /// Administrative gender.
    pub gender: Option<String>,
    /// Whether deceased.
    pub deceased_boolean: Option<bool>,
    /// When deceased.
    pub deceased_date_time: Option<PartialDate>,
    /// Identifiers.
    pub identifier: Vec<Identifier>,
}

/// A diagnosis or problem.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Clinical status.
    pub clinical_status: Option<CodeableConcept>,
    /// Verification status.
    pub verification_status: Option<CodeableConcept>,
    /// What it is.
    pub code: Option<CodeableConcept>,
    /// The patient.
    pub subject: Option<Reference>,
    /// Onset.
    pub onset_date_time: Option<PartialDate>,
    /// Onset as a period.
    pub onset_period: Option<Period>,
    /// End.
    pub abatement_date_time: Option<PartialDate>,
    /// End as a period.
    pub abatement_period: Option<Period>,
    /// When recorded.
    pub recorded_date: Option<PartialDate>,
}

/// A measurement or finding.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Observation {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// Categories.
    pub category: Vec<CodeableConcept>,
    /// What was observed.
    pub code: Option<CodeableConcept>,
    /// The patient.
    pub subject: Option<Reference>,
    /// When.
    pub effective_date_time: Option<PartialDate>,
    /// When, as a period.
    pub effective_period: Option<Period>,
    /// When, as an instant.
    pub effective_instant: Option<PartialDate>,
    /// When published.
    pub issued: Option<PartialDate>,
    /// Value as a quantity.
    pub value_quantity: Option<Quantity>,
    /// Value as a concept.
    pub value_codeable_concept: Option<CodeableConcept>,
    /// Value as an integer.
    pub value_integer: Option<Decimal>,
    /// Why there is no value.
    pub data_absent_reason: Option<CodeableConcept>,
    /// Parts, such as systolic and diastolic.
    pub component: Vec<ObservationComponent>,
    /// Who observed.
    pub performer: Vec<Reference>,
}

/// A part of an observation.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ObservationComponent {
    /// What was observed.
    pub code: Option<CodeableConcept>,
    /// Value as a quantity.
    pub value_quantity: Option<Quantity>,
    /// Value as a concept.
    pub value_codeable_concept: Option<CodeableConcept>,
    /// Value as an integer.
    pub value_integer: Option<Decimal>,
    /// Why there is no value.
    pub data_absent_reason: Option<CodeableConcept>,
}

/// A prescription or other order.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct MedicationRequest {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// Intent.
    pub intent: Option<String>,
    /// The order forbids the drug.
    pub do_not_perform: Option<bool>,
    /// Reported, not the primary source.
    pub reported_boolean: Option<bool>,
    /// Who reported it.
    pub reported_reference: Option<Reference>,
    /// The drug as a code.
    pub medication_codeable_concept: Option<CodeableConcept>,
    /// The drug as a [`Medication`].
    pub medication_reference: Option<Reference>,
    /// Contained resources.
    pub contained: Vec<Contained>,
    /// The patient.
    pub subject: Option<Reference>,
    /// When written.
    pub authored_on: Option<PartialDate>,
    /// Who wrote it.
    pub requester: Option<Reference>,
    /// Why.
    pub reason_code: Vec<CodeableConcept>,
    /// Why, as conditions.
    pub reason_reference: Vec<Reference>,
    /// Dosage.
    pub dosage_instruction: Vec<Dosage>,
    /// What to hand out.
    pub dispense_request: Option<DispenseRequest>,
}

/// A dosage instruction.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Dosage {
    /// As needed.
    pub as_needed_boolean: Option<bool>,
    /// As needed for a reason.
    pub as_needed_codeable_concept: Option<CodeableConcept>,
}

/// What an order asks a pharmacy to hand out.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct DispenseRequest {
    /// When it may be filled.
    pub validity_period: Option<Period>,
    /// Refills after the first fill.
    pub number_of_repeats_allowed: Option<Decimal>,
    /// Amount of one fill.
    pub quantity: Option<Quantity>,
    /// Days' supply of one fill.
    pub expected_supply_duration: Option<Quantity>,
}

/// A medication handed out.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct MedicationDispense {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// The drug as a code.
    pub medication_codeable_concept: Option<CodeableConcept>,
    /// The drug as a [`Medication`].
    pub medication_reference: Option<Reference>,
    /// Contained resources.
    pub contained: Vec<Contained>,
    /// The patient.
    pub subject: Option<Reference>,
    /// Who handed it out.
    pub performer: Vec<Performer>,
    /// The order.
    pub authorizing_prescription: Vec<Reference>,
    /// Amount.
    pub quantity: Option<Quantity>,
    /// Days' supply.
    pub days_supply: Option<Quantity>,
    /// When packed.
    pub when_prepared: Option<PartialDate>,
    /// When handed out.
    pub when_handed_over: Option<PartialDate>,
    /// Dosage.
    pub dosage_instruction: Vec<Dosage>,
}

/// A medication reported to be taken, or not.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct MedicationStatement {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// The drug as a code.
    pub medication_codeable_concept: Option<CodeableConcept>,
    /// The drug as a [`Medication`].
    pub medication_reference: Option<Reference>,
    /// Contained resources.
    pub contained: Vec<Contained>,
    /// The patient.
    pub subject: Option<Reference>,
    /// When taken.
    pub effective_date_time: Option<PartialDate>,
    /// When taken, as a period.
    pub effective_period: Option<Period>,
    /// When reported.
    pub date_asserted: Option<PartialDate>,
    /// Who reported it.
    pub information_source: Option<Reference>,
    /// Dosage.
    pub dosage: Vec<Dosage>,
}

/// A drug that other resources refer to.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Medication {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// The drug.
    pub code: Option<CodeableConcept>,
    /// Status.
    pub status: Option<String>,
}

/// A resource inside another one; only medications are read.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Contained {
    /// Type.
    pub resource_type: Option<String>,
    /// Local id.
    pub id: Option<String>,
    /// The drug.
    pub code: Option<CodeableConcept>,
}

/// A procedure.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Procedure {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// What was done.
    pub code: Option<CodeableConcept>,
    /// The patient.
    pub subject: Option<Reference>,
    /// When.
    pub performed_date_time: Option<PartialDate>,
    /// When, as a period.
    pub performed_period: Option<Period>,
    /// Who did it.
    pub performer: Vec<Performer>,
    /// Why.
    pub reason_code: Vec<CodeableConcept>,
    /// Why, as conditions.
    pub reason_reference: Vec<Reference>,
}

/// Who acted.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Performer {
    /// The practitioner or organisation.
    pub actor: Option<Reference>,
}

/// A vaccination.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Immunization {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// Vaccine.
    pub vaccine_code: Option<CodeableConcept>,
    /// The patient.
    pub patient: Option<Reference>,
    /// When.
    pub occurrence_date_time: Option<PartialDate>,
    /// Whether the source gave it itself.
    pub primary_source: Option<bool>,
    /// Who gave it.
    pub performer: Vec<Performer>,
}

/// An allergy or intolerance.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct AllergyIntolerance {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Clinical status.
    pub clinical_status: Option<CodeableConcept>,
    /// Verification status.
    pub verification_status: Option<CodeableConcept>,
    /// What to.
    pub code: Option<CodeableConcept>,
    /// The patient.
    pub patient: Option<Reference>,
    /// Onset.
    pub onset_date_time: Option<PartialDate>,
    /// When recorded.
    pub recorded_date: Option<PartialDate>,
}

/// An insurance coverage.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Coverage {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// Member number.
    pub subscriber_id: Option<String>,
    /// The patient.
    pub beneficiary: Option<Reference>,
    /// Who pays.
    pub payor: Vec<Reference>,
    /// When it covers.
    pub period: Option<Period>,
    /// Plan and group.
    pub class: Vec<CoverageClass>,
    /// Identifiers.
    pub identifier: Vec<Identifier>,
}

/// A plan or group of a coverage.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct CoverageClass {
    /// `plan`, `group` or another class.
    pub r#type: Option<CodeableConcept>,
    /// Its identifier.
    pub value: Option<String>,
}

/// A clinician.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Practitioner {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Identifiers, the NPI among them.
    pub identifier: Vec<Identifier>,
    /// Whether in use.
    pub active: Option<bool>,
    /// Qualifications and privileges.
    pub qualification: Vec<Qualification>,
}

/// A qualification or privilege.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Qualification {
    /// What it is.
    pub code: Option<CodeableConcept>,
    /// When it holds.
    pub period: Option<Period>,
}

/// A claim for payment.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Claim {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// claim, preauthorization or predetermination.
    pub r#use: Option<String>,
    /// The patient.
    pub patient: Option<Reference>,
    /// When made.
    pub created: Option<PartialDate>,
    /// To whom.
    pub insurer: Option<Reference>,
    /// By whom.
    pub provider: Option<Reference>,
    /// When the services were.
    pub billable_period: Option<Period>,
    /// Diagnoses.
    pub diagnosis: Vec<ClaimDiagnosis>,
    /// Coverages.
    pub insurance: Vec<ClaimInsurance>,
    /// Lines.
    pub item: Vec<ClaimItem>,
    /// Sum.
    pub total: Option<Money>,
}

/// A diagnosis on a claim.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimDiagnosis {
    /// Number.
    pub sequence: Option<u32>,
    /// As a code.
    pub diagnosis_codeable_concept: Option<CodeableConcept>,
    /// As a condition.
    pub diagnosis_reference: Option<Reference>,
}

/// A coverage on a claim.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimInsurance {
    /// Number.
    pub sequence: Option<u32>,
    /// The one that is asked to pay.
    pub focal: Option<bool>,
    /// The coverage.
    pub coverage: Option<Reference>,
    /// Prior authorisations.
    pub pre_auth_ref: Vec<String>,
}

/// A line of a claim.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimItem {
    /// Number.
    pub sequence: Option<u32>,
    /// Diagnoses, by number.
    pub diagnosis_sequence: Vec<u32>,
    /// What was done.
    pub product_or_service: Option<CodeableConcept>,
    /// When.
    pub serviced_date: Option<PartialDate>,
    /// When, as a period.
    pub serviced_period: Option<Period>,
    /// Units.
    pub quantity: Option<Quantity>,
    /// Price of a unit.
    pub unit_price: Option<Money>,
    /// Charge.
    pub net: Option<Money>,
}

/// An answer to a claim; here, a prior authorisation.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimResponse {
    /// Logical id.
    pub id: Option<String>,
    /// Metadata.
    pub meta: Meta,
    /// Status.
    pub status: Option<String>,
    /// claim, preauthorization or predetermination.
    pub r#use: Option<String>,
    /// The patient.
    pub patient: Option<Reference>,
    /// When made.
    pub created: Option<PartialDate>,
    /// By whom.
    pub insurer: Option<Reference>,
    /// The claim that it answers.
    pub request: Option<Reference>,
    /// queued, complete, error or partial.
    pub outcome: Option<String>,
    /// Number of the authorisation.
    pub pre_auth_ref: Option<String>,
    /// When it holds.
    pub pre_auth_period: Option<Period>,
    /// Lines.
    pub item: Vec<ClaimResponseItem>,
}

/// A line of an answer.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimResponseItem {
    /// The claim's line.
    pub item_sequence: Option<u32>,
    /// What was decided about it.
    pub adjudication: Vec<Adjudication>,
}

/// One decision about a line.
#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Adjudication {
    /// What is decided.
    pub category: Option<CodeableConcept>,
    /// Why.
    pub reason: Option<CodeableConcept>,
}

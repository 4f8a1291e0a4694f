//! Tax ids, by Stripe's types of them: which country each is of, and what it looks like.
//! Source: <https://docs.stripe.com/billing/customer/tax-ids#supported-tax-id>, with examples of what each looks like in
//! <https://docs.stripe.com/tax/checkout/tax-ids>.

use regex::Regex;
use thiserror::Error;

use super::billing_details::TaxId;
use super::card_number::contains_card_number;

/// Tax ids that Stripe keeps for one customer at most.
pub const MAXIMUM_TAX_IDS: usize = 5;

/// A type of tax id.
struct TaxIdType {
    /// Stripe's word.
    kind: &'static str,
    /// What it looks like, without what people put between the characters; empty when nothing is known.
    form: &'static str,
    /// One that looks so.
    example: &'static str,
}

const fn form(kind: &'static str, form: &'static str, example: &'static str) -> TaxIdType {
    TaxIdType { kind, form, example }
}

/// Where the form is not known: a word of its own says nothing of what it looks like.
const fn named(kind: &'static str) -> TaxIdType {
    TaxIdType { kind, form: "", example: "" }
}

/// The types that Stripe takes.
const TYPES: &[TaxIdType] = &[
    form("ad_nrt", "[A-Z][0-9]{6}[A-Z]", "A-123456-Z"),
    form("ae_trn", "[0-9]{15}", "123456789012345"),
    form("al_tin", "[A-Z][0-9]{8}[A-Z]", "J12345678N"),
    form("am_tin", "[0-9]{8}", "02538904"),
    form("ao_tin", "[0-9]{10}", "5123456789"),
    form("ar_cuit", "[0-9]{11}", "12-3456789-01"),
    form("au_abn", "[0-9]{11}", "12345678912"),
    form("au_arn", "[0-9]{12}", "123456789123"),
    form("aw_tin", "[0-9]{8}", "12345678"),
    form("az_tin", "[0-9]{10}", "0123456789"),
    form("ba_tin", "[0-9]{12}", "123456789012"),
    form("bb_tin", "[0-9]{13}", "1123456789012"),
    form("bd_bin", "[0-9]{13}", "123456789-0123"),
    form("bf_ifu", "[0-9]{8}[A-Z]", "12345678A"),
    form("bg_uic", "[0-9]{9}", "123456789"),
    form("bh_vat", "[0-9]{15}", "123456789012345"),
    form("bj_ifu", "[0-9]{13}", "1234567890123"),
    form("bo_tin", "[0-9]{6,12}", "123456789"),
    form("br_cnpj", "[0-9A-Z]{12}[0-9]{2}", "01.234.456/5432-10"),
    form("br_cpf", "[0-9]{11}", "123.456.789-87"),
    form("bs_tin", "[0-9]{9}", "123.456.789"),
    form("by_tin", "[0-9]{9}", "123456789"),
    form("ca_bn", "[0-9]{9}", "123456789"),
    form("ca_gst_hst", "[0-9]{9}RT[0-9]{4}", "123456789RT0002"),
    form("ca_pst_bc", "PST[0-9]{8}", "PST-1234-5678"),
    form("ca_pst_mb", "[0-9]{7}", "123456-7"),
    form("ca_pst_sk", "[0-9]{7}", "1234567"),
    form("ca_qst", "[0-9]{10}TQ[0-9]{4}", "1234567890TQ1234"),
    form("cd_nif", "[A-Z][0-9]{7}[A-Z]", "A0123456M"),
    form("ch_uid", "CHE[0-9]{9}(HR)?", "CHE-123.456.789 HR"),
    form("ch_vat", "CHE[0-9]{9}(MWST|TVA|IVA)", "CHE-123.456.789 MWST"),
    form("cl_tin", "[0-9]{7,8}[0-9K]", "12.345.678-K"),
    form("cm_niu", "[A-Z][0-9]{12}[A-Z]", "M123456789000L"),
    form("cn_tin", "[0-9A-Z]{15,20}", "123456789012345678"),
    form("co_nit", "[0-9]{9,10}", "123.456.789-0"),
    form("cr_tin", "[0-9]{9,12}", "1-234-567890"),
    form("cv_nif", "[0-9]{9}", "213456789"),
    form("de_stn", "[0-9]{10,13}", "1234567890"),
    form("do_rcn", "[0-9]{9,11}", "123-4567890-1"),
    form("ec_ruc", "[0-9]{13}", "1234567890001"),
    form("eg_tin", "[0-9]{9}", "123456789"),
    form("es_cif", "[A-Z][0-9]{7}[0-9A-Z]", "A12345678"),
    form("et_tin", "[0-9]{10}", "1234567890"),
    form("eu_oss_vat", "EU[0-9]{9}", "EU123456789"),
    form("eu_vat", EU_VAT, "DE123456789"),
    form("fo_vat", "[0-9]{6}", "123456"),
    form("gb_vat", "GB([0-9]{9}|[0-9]{12}|GD[0-4][0-9]{2}|HA[5-9][0-9]{2})", "GB123456789"),
    form("ge_vat", "[0-9]{9}", "123456789"),
    form("gi_tin", "[0-9]{6}", "123456"),
    form("gn_nif", "[0-9]{9}", "123456789"),
    form("hk_br", "[0-9]{8}", "12345678"),
    form("hr_oib", "[0-9]{11}", "12345678901"),
    form("hu_tin", "[0-9]{11}", "12345678-1-23"),
    named("ic_nif"),
    form("id_npwp", "[0-9]{15,16}", "012.345.678.9-012.345"),
    form("il_vat", "[0-9]{9}", "000012345"),
    form("in_gst", "[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]", "12ABCDE3456F1ZH"),
    form("is_vat", "[0-9]{5,6}", "123456"),
    form("it_cf", "([0-9]{11}|[A-Z]{6}[0-9A-Z]{10})", "12345678901"),
    form("jp_cn", "[0-9]{13}", "1234567891234"),
    form("jp_rn", "[0-9]{5}", "12345"),
    form("jp_trn", "T[0-9]{13}", "T1234567891234"),
    form("ke_pin", "[A-Z][0-9]{9}[A-Z]", "P000111111A"),
    form("kg_tin", "[0-9]{14}", "12345678901234"),
    form("kh_tin", "[0-9]{13}", "1001-123456789"),
    form("kr_brn", "[0-9]{10}", "123-45-67890"),
    form("kz_bin", "[0-9]{12}", "123456789012"),
    form("la_tin", "[0-9]{12}", "123456789-000"),
    form("li_uid", "CHE[0-9]{9}", "CHE123456789"),
    form("li_vat", "[0-9]{5}", "12345"),
    form("lk_vat", "[0-9]{13}", "123456789-1234"),
    form("ma_vat", "[0-9]{8}", "12345678"),
    form("md_vat", "[0-9]{7}", "1234567"),
    form("me_pib", "[0-9]{8}", "12345678"),
    form("mk_vat", "MK[0-9]{13}", "MK1234567890123"),
    form("mr_nif", "[0-9]{8}", "12345678"),
    form("mx_rfc", "[A-Z&Ñ]{3,4}[0-9]{6}[0-9A-Z]{2,3}", "ABC010203AB9"),
    form("my_frp", "[0-9]{8}", "12345678"),
    form("my_itn", "[A-Z]{1,2}[0-9]{9,11}", "C 1234567890"),
    form("my_sst", "[A-Z][0-9]{2}[0-9]{4}[0-9]{8}", "A12-3456-78912345"),
    form("ng_tin", "[0-9]{12}", "12345678-0001"),
    form("no_vat", "[0-9]{9}MVA", "123456789MVA"),
    form("no_voec", "[0-9]{7}", "1234567"),
    form("np_pan", "[0-9]{9}", "123456789"),
    form("nz_gst", "[0-9]{8,9}", "123456789"),
    form("om_vat", "OM[0-9]{10}", "OM1234567890"),
    form("pe_ruc", "[0-9]{11}", "12345678901"),
    form("ph_tin", "[0-9]{9,14}", "123456789012"),
    form("pl_nip", "[0-9]{10}", "1234567890"),
    named("py_ruc"),
    form("ro_tin", "[0-9]{2,13}", "1234567890123"),
    form("rs_pib", "[0-9]{9}", "123456789"),
    form("ru_inn", "([0-9]{10}|[0-9]{12})", "1234567891"),
    form("ru_kpp", "[0-9]{4}[0-9A-Z]{2}[0-9]{3}", "123456789"),
    form("sa_vat", "[0-9]{15}", "123456789012345"),
    form("sg_gst", "[A-Z0-9]{9,10}", "M12345678X"),
    form("sg_uen", "[A-Z0-9]{9,10}", "123456789F"),
    form("si_tin", "[0-9]{8}", "12345678"),
    form("sn_ninea", "[0-9]{8}[A-Z][0-9]", "12345672A2"),
    form("sr_fin", "[0-9]{10}", "1234567890"),
    form("sv_nit", "[0-9]{14}", "1234-567890-123-4"),
    form("th_vat", "[0-9]{13}", "1234567891234"),
    form("tj_tin", "[0-9]{9}", "123456789"),
    form("tr_tin", "[0-9]{10,11}", "0123456789"),
    form("tw_vat", "[0-9]{8}", "12345678"),
    form("tz_vat", "[0-9]{8}[A-Z]", "12345678A"),
    form("ua_vat", "[0-9]{8,12}", "123456789"),
    form("ug_tin", "[0-9]{10}", "1014751879"),
    form("us_ein", "[0-9]{9}", "12-3456789"),
    form("uy_ruc", "[0-9]{12}", "123456789012"),
    form("uz_tin", "[0-9]{9}", "123456789"),
    form("uz_vat", "[0-9]{12}", "123456789012"),
    form("ve_rif", "[AVEJPGC][0-9]{9}", "A-12345678-9"),
    form("vn_tin", "[0-9]{10}([0-9]{3})?", "1234567890"),
    form("za_vat", "4[0-9]{9}", "4123456789"),
    form("zm_tin", "[0-9]{10}", "1004751879"),
    form("zw_tin", "[0-9]{10}", "1234567890"),
];

/// Source: <https://ec.europa.eu/taxation_customs/vies/#/faq>, question 11; Greece is EL.
const EU_VAT: &str = "(ATU[0-9]{8}|BE[01][0-9]{9}|BG[0-9]{9,10}|CY[0-9]{8}[A-Z]|CZ[0-9]{8,10}|DE[0-9]{9}|DK[0-9]{8}\
    |EE[0-9]{9}|EL[0-9]{9}|ES[0-9A-Z][0-9]{7}[0-9A-Z]|FI[0-9]{8}|FR[0-9A-Z]{2}[0-9]{9}|HR[0-9]{11}|HU[0-9]{8}\
    |IE[0-9][0-9A-Z+*][0-9]{5}[A-Z]{1,2}|IT[0-9]{11}|LT([0-9]{9}|[0-9]{12})|LU[0-9]{8}|LV[0-9]{11}|MT[0-9]{8}\
    |NL[0-9A-Z+*]{12}|PL[0-9]{10}|PT[0-9]{9}|RO[0-9]{2,10}|SE[0-9]{12}|SI[0-9]{8}|SK[0-9]{10}\
    |XI([0-9]{9}|[0-9]{12}|GD[0-4][0-9]{2}|HA[5-9][0-9]{2}))";

/// Why a tax id was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TaxIdError {
    /// No type that Stripe takes.
    #[error("{given:?} is no type of tax id that Stripe takes.{hint}")]
    Type {
        /// What was given.
        given: String,
        /// What may have been meant.
        hint: String,
    },
    /// Not of the type's form.
    #[error("This is no {kind}. It looks like {example}.")]
    Form {
        /// The type.
        kind: &'static str,
        /// One that is.
        example: &'static str,
    },
    /// Nothing, too much, or what no tax id has.
    #[error("A tax id has 1 to 40 letters, digits and what people put between them.")]
    Text,
}

/// A tax id as it is stored: without white space, in capitals, and of its type's form.
pub fn checked(tax_id: &TaxId) -> Result<TaxId, TaxIdError> {
    let kind = tax_id.kind.trim().to_ascii_lowercase();
    let Some(known) = TYPES.iter().find(|it| it.kind == kind) else {
        return Err(TaxIdError::Type { hint: hint(&kind), given: kind.chars().take(40).collect() });
    };
    let value: String =
        tax_id.value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let is_text = (1..=40).contains(&value.chars().count())
        && value.chars().all(|c| c.is_alphanumeric() || "-./&+*".contains(c))
        && value.chars().any(char::is_alphanumeric);
    if !is_text {
        return Err(TaxIdError::Text);
    }
    if known.form.is_empty() {
        // What it looks like is not known, so it is any text; of the others many have as many digits as a card, and a tenth
        // of those passes for one.
        if contains_card_number(&value) {
            return Err(TaxIdError::Text);
        }
    } else {
        let bare: String = value.chars().filter(|c| !"-./".contains(*c)).collect();
        let pattern = Regex::new(&format!("^{}$", known.form)).expect("a test reads each form");
        if !pattern.is_match(&bare) {
            return Err(TaxIdError::Form { kind: known.kind, example: known.example });
        }
    }
    Ok(TaxId { kind, value })
}

/// The types of the country that was meant, or the nearest.
fn hint(kind: &str) -> String {
    let country = kind.split('_').next().unwrap_or_default();
    let of_country: Vec<&str> =
        TYPES.iter().map(|it| it.kind).filter(|word| word.split('_').next() == Some(country)).collect();
    if of_country.is_empty() {
        " It is Stripe's word for it, such as eu_vat, gb_vat or us_ein.".to_owned()
    } else {
        format!(" Of this country there are: {}.", of_country.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, value: &str) -> Result<String, TaxIdError> {
        checked(&TaxId { kind: kind.to_owned(), value: value.to_owned() }).map(|it| it.value)
    }

    #[test]
    fn each_form_is_one_and_fits_its_example() {
        for it in TYPES.iter().filter(|it| !it.form.is_empty()) {
            assert!(Regex::new(it.form).is_ok(), "{}", it.kind);
            let example = it.example;
            assert!(check(it.kind, example).is_ok(), "{} {example}", it.kind);
            assert!(check(it.kind, "???").is_err() && check(it.kind, "").is_err(), "{}", it.kind);
            assert!(check(it.kind, &format!("{example}00000000")).is_err(), "{}", it.kind);
        }
        let mut words: Vec<&str> = TYPES.iter().map(|it| it.kind).collect();
        words.dedup();
        assert_eq!(words.len(), TYPES.len());
        assert!(words.is_sorted());
    }

    #[test]
    fn what_is_no_tax_id_of_its_type_is_refused_with_one_that_is() {
        assert_eq!(check("eu_vat", " de 123 456 789 "), Ok("DE123456789".to_owned()));
        let message = check("eu_vat", "DE12345678").unwrap_err().to_string();
        assert_eq!(message, "This is no eu_vat. It looks like DE123456789.");
        let message = check("gb_xyz", "1").unwrap_err().to_string();
        assert!(message.contains("Of this country there are: gb_vat."), "{message}");
        assert!(check("vat", "1").unwrap_err().to_string().contains("eu_vat"));
        // Of what is known what it looks like, no number is a card's; of the others it may be.
        assert_eq!(check("kg_tin", "42424242424242"), Ok("42424242424242".to_owned()));
        assert_eq!(check("py_ruc", "4242424242424242"), Err(TaxIdError::Text));
    }
}

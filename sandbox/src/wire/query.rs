//! AWS's query protocol: a form in, XML out, for ELBv2, IAM and STS.
//!
//! Knows: how nested values are spelled in a form (`Actions.member.1.Type`) and in XML. Does not know: any operation's
//! shape, so every scalar of a form is a string, and an empty list (`TargetGroupArns=`) is an empty string.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value};

use super::{Decoded, Protocol, json11, response};
use crate::world::ApiError;

struct Api {
    version: &'static str,
    service: &'static str,
    namespace: &'static str,
}

const APIS: &[Api] = &[
    Api {
        version: "2010-05-08",
        service: "iam",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    },
    Api {
        version: "2015-12-01",
        service: "elasticloadbalancing",
        namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    },
    Api {
        version: "2011-06-15",
        service: "sts",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    },
];

/// Whether this is a form with an `Action`.
pub fn is_query(request: &Request<Bytes>) -> bool {
    request.method() == http::Method::POST
        && super::header(request.headers(), "content-type")
            .starts_with("application/x-www-form-urlencoded")
        && url::form_urlencoded::parse(request.body()).any(|(key, _)| key == "Action")
}

pub fn decode(request: &Request<Bytes>) -> Result<Decoded, ApiError> {
    json11::content_length(request)?;
    let (mut operation, mut version) = (String::new(), String::new());
    let mut members = Map::new();
    for (key, value) in url::form_urlencoded::parse(request.body()) {
        match &*key {
            "Action" => operation = value.into_owned(),
            "Version" => version = value.into_owned(),
            _ => insert(&mut members, &key, value.into_owned())?,
        }
    }
    let api = APIS
        .iter()
        .find(|api| api.version == version)
        .ok_or_else(|| unknown_action(&operation, &version))?;
    Ok(Decoded {
        protocol: Protocol::Query,
        service: api.service,
        operation,
        input: lists(Value::Object(members)),
    })
}

pub fn unknown_action(operation: &str, version: &str) -> ApiError {
    ApiError::new(
        "InvalidAction",
        format!("Could not find operation {operation} for version {version}"),
    )
}

/// The API version that a service's forms carry.
pub fn version(service: &str) -> &'static str {
    APIS.iter()
        .find(|api| api.service == service)
        .map_or("", |api| api.version)
}

fn insert(members: &mut Map<String, Value>, key: &str, value: String) -> Result<(), ApiError> {
    let malformed = || {
        ApiError::new(
            "MalformedInput",
            format!("{key} is both a value and a structure"),
        )
    };
    let mut path = key.split('.');
    let last = path.next_back().unwrap_or(key);
    let mut at = members;
    for segment in path {
        let next = at
            .entry(segment)
            .or_insert_with(|| Value::Object(Map::new()));
        at = next.as_object_mut().ok_or_else(malformed)?;
    }
    match at.insert(last.to_owned(), Value::String(value)) {
        None => Ok(()),
        Some(_) => Err(malformed()),
    }
}

/// Turns `{member: {1: …}}` into a list and `{entry: {1: {key, value}}}` into a map.
fn lists(value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    if members.len() == 1 {
        if let Some(items) = members.get("member").and_then(numbered) {
            return Value::Array(items.into_iter().map(lists).collect());
        }
        if let Some(items) = members.get("entry").and_then(numbered) {
            let pair = |item: Value| {
                Some((
                    item.get("key")?.as_str()?.to_owned(),
                    lists(item.get("value")?.clone()),
                ))
            };
            return Value::Object(items.into_iter().filter_map(pair).collect());
        }
    }
    for member in members.values_mut() {
        *member = lists(member.take());
    }
    Value::Object(members)
}

fn numbered(value: &Value) -> Option<Vec<Value>> {
    let mut items = value
        .as_object()?
        .iter()
        .map(|(index, item)| Some((index.parse::<u32>().ok()?, item.clone())))
        .collect::<Option<Vec<_>>>()?;
    items.sort_by_key(|(index, _)| *index);
    Some(items.into_iter().map(|(_, item)| item).collect())
}

pub fn answer(
    decoded: &Decoded,
    answer: &Result<Value, ApiError>,
    request_id: &str,
) -> Response<Bytes> {
    let operation = &decoded.operation;
    let namespace = APIS
        .iter()
        .find(|api| api.service == decoded.service)
        .map_or("", |api| api.namespace);
    match answer {
        Ok(value) => {
            let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
            element(
                &mut xml,
                &format!("{operation}Result"),
                &if value.is_null() {
                    Value::Object(Map::new())
                } else {
                    value.clone()
                },
            );
            xml.push_str("<ResponseMetadata>");
            element(&mut xml, "RequestId", &Value::from(request_id));
            xml.push_str(&format!("</ResponseMetadata></{operation}Response>"));
            xml_response(200, xml, request_id)
        }
        Err(error) => error_answer(namespace, error, request_id),
    }
}

/// An error before any operation is known.
pub fn error(error: &ApiError, request_id: &str) -> Response<Bytes> {
    error_answer("", error, request_id)
}

fn error_answer(namespace: &str, error: &ApiError, request_id: &str) -> Response<Bytes> {
    let blame = if error.status >= 500 {
        "Receiver"
    } else {
        "Sender"
    };
    let mut xml = if namespace.is_empty() {
        "<ErrorResponse>".to_owned()
    } else {
        format!("<ErrorResponse xmlns=\"{namespace}\">")
    };
    xml.push_str("<Error>");
    element(&mut xml, "Type", &Value::from(blame));
    element(&mut xml, "Code", &Value::from(error.code.as_str()));
    element(&mut xml, "Message", &Value::from(error.message.as_str()));
    xml.push_str("</Error>");
    element(&mut xml, "RequestId", &Value::from(request_id));
    xml.push_str("</ErrorResponse>");
    xml_response(error.status, xml, request_id)
}

fn xml_response(status: u16, xml: String, request_id: &str) -> Response<Bytes> {
    response(
        status,
        &[
            ("content-type", "text/xml".to_owned()),
            ("x-amzn-requestid", request_id.to_owned()),
        ],
        xml,
    )
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| element(xml, name, member)),
        Value::Array(items) => items.iter().for_each(|item| element(xml, "member", item)),
        Value::String(text) => escape(xml, text),
        scalar => xml.push_str(&scalar.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#xD;"),
            c => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(body: &'static str) -> Request<Bytes> {
        Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap()
    }

    #[test]
    fn nested_forms_become_lists_and_maps() {
        let decoded = decode(&form(
            "Action=CreateRule&Version=2015-12-01&Priority=7&Actions.member.1.Type=forward\
             &Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1&Actions.member.2.Type=x\
             &Conditions.member.10.Field=b&Conditions.member.9.Field=a%26b&M.entry.1.key=k&M.entry.1.value=v&Empty=",
        ))
        .unwrap();
        assert_eq!(
            (decoded.service, decoded.operation.as_str()),
            ("elasticloadbalancing", "CreateRule")
        );
        assert_eq!(
            decoded.input,
            json!({
                "Priority": "7",
                "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": "1"}]}}, {"Type": "x"}],
                "Conditions": [{"Field": "a&b"}, {"Field": "b"}],
                "M": {"k": "v"},
                "Empty": "",
            })
        );
    }

    #[test]
    fn a_value_that_is_also_a_structure_is_refused() {
        assert_eq!(
            decode(&form("Action=X&Version=2011-06-15&A=1&A.B=2"))
                .unwrap_err()
                .code,
            "MalformedInput"
        );
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let error = decode(&form("Action=RunInstances&Version=2016-11-15")).unwrap_err();
        assert_eq!(
            error.message,
            "Could not find operation RunInstances for version 2016-11-15"
        );
    }

    #[test]
    fn answers_are_xml_without_absent_members() {
        let decoded = decode(&form("Action=DescribeRules&Version=2015-12-01")).unwrap();
        let answered = answer(
            &decoded,
            &Ok(
                json!({"Rules": [{"Priority": "1", "IsDefault": false, "Gone": null, "Values": ["a<b&c"]}]}),
            ),
            "id-1",
        );
        assert_eq!(
            answered.body(),
            "<DescribeRulesResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><DescribeRulesResult>\
             <Rules><member><Priority>1</Priority><IsDefault>false</IsDefault><Values><member>a&lt;b&amp;c</member></Values>\
             </member></Rules></DescribeRulesResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\
             </DescribeRulesResponse>"
        );
    }

    #[test]
    fn errors_say_whose_fault_it_is() {
        let decoded = decode(&form("Action=DeleteRule&Version=2015-12-01")).unwrap();
        let answered = answer(
            &decoded,
            &Err(ApiError::new("RuleNotFound", "One or more rules not found")),
            "id-1",
        );
        assert_eq!(answered.status(), 400);
        assert!(std::str::from_utf8(answered.body()).unwrap().contains(
            "<Error><Type>Sender</Type><Code>RuleNotFound</Code><Message>One or more rules not found</Message></Error><RequestId>id-1</RequestId>"
        ));
    }
}

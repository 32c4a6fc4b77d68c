//! As much of GraphQL as finds a comment: one query's shape, with its selection honoured and unknown fields refused.
//!
//! Knows: fields, arguments and variables. Does not know: fragments, aliases, directives or mutations; each is an error.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Ask, GitHub, OURSELVES, Object, Refusal, Reply, timestamp};
use crate::world::World;

/// A field, its arguments, and what is selected of it.
#[derive(Debug)]
struct Field {
    name: String,
    arguments: BTreeMap<String, Value>,
    selection: Vec<Field>,
}

pub fn query(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let Some(text) = ask.text("query") else {
        return Err(Refusal::new(
            400,
            "A query attribute must be specified and must be a string.",
        ));
    };
    let answer =
        parse(text, &ask.body["variables"]).and_then(|fields| data(&world.github, &fields));
    // GraphQL's refusals are answers.
    match answer {
        Ok((data, None)) => Reply::new(200, json!({"data": data})),
        Ok((data, Some(error))) => Reply::new(200, json!({"data": data, "errors": [error]})),
        Err(message) => Reply::new(200, json!({"errors": [{"message": message}]})),
    }
}

/// The answer, and what could not be had.
fn data(github: &GitHub, fields: &[Field]) -> Result<(Value, Option<Value>), String> {
    let [repository] = fields else {
        return Err("this sandbox answers one root field".to_owned());
    };
    if repository.name != "repository" {
        return Err(format!(
            "Field '{}' doesn't exist on type 'Query'",
            repository.name
        ));
    }
    let error = |kind: &str, path: Value, message: &str| {
        Some(json!({"type": kind, "path": path, "message": message}))
    };
    let named = format!(
        "{}/{}",
        text(repository, "owner")?,
        text(repository, "name")?
    );
    if !github.spec.repository.eq_ignore_ascii_case(&named) {
        let message = format!("Could not resolve to a Repository with the name '{named}'.");
        return Ok((
            json!({"repository": null}),
            error("NOT_FOUND", json!(["repository"]), &message),
        ));
    }
    let [pull_request] = repository.selection.as_slice() else {
        return Err("this sandbox answers one field of a repository".to_owned());
    };
    if pull_request.name != "pullRequest" {
        return Err(format!(
            "Field '{}' doesn't exist on type 'Repository'",
            pull_request.name
        ));
    }
    let path = json!(["repository", "pullRequest"]);
    let nothing = json!({"repository": {"pullRequest": null}});
    if !github.may(&[("pull-requests", "read")]) {
        return Ok((
            nothing,
            error("FORBIDDEN", path, "Resource not accessible by integration"),
        ));
    }
    let number = pull_request
        .arguments
        .get("number")
        .and_then(Value::as_u64)
        .ok_or("Argument 'number' is required")?;
    let Some(pull) = github.pull_request(number) else {
        let message = format!("Could not resolve to a PullRequest with the number of {number}.");
        return Ok((nothing, error("NOT_FOUND", path, &message)));
    };
    let mut shown = Object::new();
    for field in &pull_request.selection {
        let value = match field.name.as_str() {
            "number" => json!(number),
            "id" => json!(format!("PR_kwDO{number:06x}")),
            "title" => json!(pull.title),
            "headRefOid" => json!(pull.head_sha),
            "comments" => comments(github, number, field)?,
            other => {
                return Err(format!(
                    "Field '{other}' doesn't exist on type 'PullRequest'"
                ));
            }
        };
        shown.insert(field.name.clone(), value);
    }
    Ok((json!({"repository": {"pullRequest": shown}}), None))
}

fn text<'a>(field: &'a Field, argument: &str) -> Result<&'a str, String> {
    let value = field.arguments.get(argument).and_then(Value::as_str);
    value.ok_or_else(|| {
        format!(
            "Field '{}' is missing required arguments: {argument}",
            field.name
        )
    })
}

fn comments(github: &GitHub, number: u64, field: &Field) -> Result<Value, String> {
    let first = field.arguments.get("first").and_then(Value::as_u64);
    let first = first.ok_or("You must provide a `first` or `last` value to properly paginate the `comments` connection.")?;
    if first > 100 {
        return Err(format!(
            "Requesting {first} records on the `comments` connection exceeds the `first` limit of 100 records."
        ));
    }
    let all: Vec<_> = github.comments_on(number).collect();
    let start = match field.arguments.get("after").and_then(Value::as_str) {
        None => 0,
        Some(cursor) => position(cursor)
            .ok_or_else(|| format!("`{cursor}` does not appear to be a valid cursor."))?,
    };
    let end = (start + first as usize).min(all.len());
    let start = start.min(end);
    let mut shown = Object::new();
    for part in &field.selection {
        let value = match part.name.as_str() {
            "totalCount" => json!(all.len()),
            "nodes" => Value::Array(
                all[start..end]
                    .iter()
                    .map(|comment| node(github, comment, &part.selection))
                    .collect::<Result<_, _>>()?,
            ),
            "pageInfo" => select("PageInfo", &part.selection, |name| {
                Some(match name {
                    "hasNextPage" => json!(end < all.len()),
                    "hasPreviousPage" => json!(start > 0),
                    "endCursor" => {
                        if end > start {
                            json!(cursor(end))
                        } else {
                            Value::Null
                        }
                    }
                    "startCursor" => {
                        if end > start {
                            json!(cursor(start + 1))
                        } else {
                            Value::Null
                        }
                    }
                    _ => return None,
                })
            })?,
            other => {
                return Err(format!(
                    "Field '{other}' doesn't exist on type 'IssueCommentConnection'"
                ));
            }
        };
        shown.insert(part.name.clone(), value);
    }
    Ok(Value::Object(shown))
}

fn node(github: &GitHub, comment: &super::Comment, selection: &[Field]) -> Result<Value, String> {
    let author = selection
        .iter()
        .find(|field| field.name == "author")
        .map(|field| {
            // GraphQL shows a bot's login without its suffix.
            let login = comment.author.trim_end_matches("[bot]");
            select("Actor", &field.selection, |name| {
                (name == "login").then(|| json!(login))
            })
        });
    let author = author.transpose()?;
    select("IssueComment", selection, |name| {
        Some(match name {
            "id" => json!(format!("IC_kwDO{:x}", comment.id)),
            // GraphQL's Int has 32 bits, and GitHub's comments have outgrown it.
            "databaseId" => json!(i32::try_from(comment.id).ok()),
            "fullDatabaseId" => json!(comment.id.to_string()),
            "url" => json!(github.comment_html_url(comment)),
            "body" => json!(comment.body),
            "viewerDidAuthor" => json!(comment.author == OURSELVES),
            "isMinimized" => json!(comment.is_minimized),
            "createdAt" => json!(timestamp(comment.created_at)),
            "updatedAt" => json!(timestamp(comment.updated_at)),
            "author" => author.clone()?,
            _ => return None,
        })
    })
}

fn select(
    kind: &str,
    selection: &[Field],
    value: impl Fn(&str) -> Option<Value>,
) -> Result<Value, String> {
    let shown = selection.iter().map(|field| {
        let value = value(&field.name)
            .ok_or_else(|| format!("Field '{}' doesn't exist on type '{kind}'", field.name))?;
        Ok((field.name.clone(), value))
    });
    Ok(Value::Object(shown.collect::<Result<_, String>>()?))
}

fn cursor(position: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{position}"))
}

fn position(cursor: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(cursor).ok()?)
        .ok()?
        .strip_prefix("cursor:v2:")?
        .parse()
        .ok()
}

/// The fields of a query, with its variables put in.
fn parse(query: &str, variables: &Value) -> Result<Vec<Field>, String> {
    let tokens = tokens(query)?;
    let mut at = 0;
    if tokens.first().is_some_and(|token| token == "query") {
        // The operation's name and the variables' types do not matter here.
        at = tokens
            .iter()
            .position(|token| token == "{")
            .ok_or("Parse error: no selection")?;
    }
    let fields = selection(&tokens, &mut at, variables)?;
    if at < tokens.len() {
        return Err(format!("Parse error on \"{}\"", tokens[at]));
    }
    Ok(fields)
}

fn selection(tokens: &[String], at: &mut usize, variables: &Value) -> Result<Vec<Field>, String> {
    expect(tokens, at, "{")?;
    let mut fields = Vec::new();
    while peek(tokens, *at)? != "}" {
        let name = take(tokens, at)?;
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || peek(tokens, *at)? == ":" {
            return Err(format!(
                "Parse error on \"{name}\": aliases and fragments are not answered here"
            ));
        }
        let mut field = Field {
            name,
            arguments: BTreeMap::new(),
            selection: Vec::new(),
        };
        if peek(tokens, *at)? == "(" {
            *at += 1;
            while peek(tokens, *at)? != ")" {
                let argument = take(tokens, at)?;
                expect(tokens, at, ":")?;
                field
                    .arguments
                    .insert(argument, value(&take(tokens, at)?, variables)?);
            }
            *at += 1;
        }
        if peek(tokens, *at)? == "{" {
            field.selection = selection(tokens, at, variables)?;
        }
        fields.push(field);
    }
    *at += 1;
    Ok(fields)
}

fn value(token: &str, variables: &Value) -> Result<Value, String> {
    match token.strip_prefix('$') {
        Some(name) => Ok(variables[name].clone()),
        None => serde_json::from_str(token).map_err(|_| format!("Parse error on \"{token}\"")),
    }
}

fn peek(tokens: &[String], at: usize) -> Result<&str, String> {
    tokens
        .get(at)
        .map(String::as_str)
        .ok_or_else(|| "Parse error: unexpected end of query".to_owned())
}

fn take(tokens: &[String], at: &mut usize) -> Result<String, String> {
    let token = peek(tokens, *at)?.to_owned();
    *at += 1;
    Ok(token)
}

fn expect(tokens: &[String], at: &mut usize, wanted: &str) -> Result<(), String> {
    let token = take(tokens, at)?;
    if token == wanted {
        Ok(())
    } else {
        Err(format!("Parse error on \"{token}\": expected \"{wanted}\""))
    }
}

/// Names, variables, numbers, strings and punctuation; commas are blanks in GraphQL.
fn tokens(query: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            rest[1..]
                .find('"')
                .map(|end| end + 2)
                .ok_or("Parse error: unterminated string")?
        } else if first.is_alphanumeric() || matches!(first, '_' | '$' | '-') {
            rest[first.len_utf8()..]
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(rest.len(), |end| end + first.len_utf8())
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = "query($owner:String!,$name:String!,$number:Int!,$after:String){repository(owner:$owner,name:$name){\
        pullRequest(number:$number){comments(first:100,after:$after){nodes{fullDatabaseId url body viewerDidAuthor isMinimized} \
        pageInfo{hasNextPage endCursor}}}}}";

    fn github() -> GitHub {
        let spec = serde_json::from_value(json!({"pull-requests": [{"number": 7, "head-sha": "abc", "comments": [{"author": "octocat", "body": "hello"}]}]})).unwrap();
        let mut github = GitHub::from_spec(
            spec,
            std::time::SystemTime::UNIX_EPOCH,
            &mut crate::world::Ids::seeded(1),
        );
        for n in 0..100 {
            github.comment(
                7,
                OURSELVES,
                &format!("ours {n}"),
                std::time::SystemTime::UNIX_EPOCH,
            );
        }
        github
    }

    fn ask(query: &str, variables: Value) -> Result<Value, String> {
        let (data, error) = data(&github(), &parse(query, &variables)?)?;
        match error {
            Some(error) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
            None => Ok(data["repository"]["pullRequest"]["comments"].clone()),
        }
    }

    #[test]
    fn pages_follow_one_another() {
        let first = ask(
            QUERY,
            json!({"owner": "octo-org", "name": "web", "number": 7, "after": null}),
        )
        .unwrap();
        assert_eq!(first["nodes"].as_array().unwrap().len(), 100);
        assert_eq!(first["nodes"][0]["viewerDidAuthor"], false);
        assert_eq!(first["nodes"][1]["viewerDidAuthor"], true);
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let after = &first["pageInfo"]["endCursor"];
        let second = ask(
            QUERY,
            json!({"owner": "octo-org", "name": "web", "number": 7, "after": after}),
        )
        .unwrap();
        assert_eq!(second["nodes"][0]["body"], "ours 99");
        assert_eq!(second["pageInfo"]["hasNextPage"], false);
    }

    #[test]
    fn what_does_not_exist_is_said() {
        assert_eq!(
            ask(
                QUERY,
                json!({"owner": "octo-org", "name": "web", "number": 8})
            )
            .unwrap_err(),
            "Could not resolve to a PullRequest with the number of 8."
        );
        assert_eq!(
            ask(
                &QUERY.replace("isMinimized", "isHidden"),
                json!({"owner": "octo-org", "name": "web", "number": 7})
            )
            .unwrap_err(),
            "Field 'isHidden' doesn't exist on type 'IssueComment'"
        );
    }
}

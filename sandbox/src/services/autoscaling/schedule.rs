//! When a scheduled action is due: `at(…)`, `rate(…)` and `cron(…)`, in UTC. Pure.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub text: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    At(SystemTime),
    Rate(Duration),
    Cron(Box<Cron>),
}

/// Absent: any. Days of the week count from Sunday, which is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cron {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    years: Field,
}

type Field = Option<BTreeSet<i16>>;

const MONTHS: &str = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
const WEEKDAYS: &str = "SUN MON TUE WED THU FRI SAT";
/// A leap day is at most eight years away.
const DAYS_AHEAD: i64 = 9 * 366;

impl Schedule {
    pub fn parse(text: &str) -> Option<Schedule> {
        let (kind, rest) = text.split_once('(')?;
        let inner = rest.strip_suffix(')')?.trim();
        let form = match kind {
            "at" => Form::At(instant(inner.parse().ok()?)?),
            "rate" => Form::Rate(rate(inner)?),
            "cron" => Form::Cron(Box::new(Cron::parse(inner)?)),
            _ => return None,
        };
        Some(Schedule {
            text: text.to_owned(),
            form,
        })
    }

    /// The next time after `now`; a rate counts from `since`.
    pub fn next(&self, since: SystemTime, now: SystemTime) -> Option<SystemTime> {
        match &self.form {
            Form::At(at) => (*at > now).then_some(*at),
            Form::Rate(every) => {
                let passed = now.duration_since(since).unwrap_or_default();
                let times = passed.as_secs() / every.as_secs() + 1;
                Some(since + *every * u32::try_from(times).ok()?)
            }
            Form::Cron(cron) => cron.next(now),
        }
    }
}

fn instant(at: DateTime) -> Option<SystemTime> {
    SystemTime::try_from(Offset::UTC.to_timestamp(at).ok()?).ok()
}

fn rate(inner: &str) -> Option<Duration> {
    let (value, unit) = inner.split_once(' ')?;
    let minutes = match unit.trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return None,
    };
    let value: u64 = value.parse().ok().filter(|v| *v > 0)?;
    Some(Duration::from_secs(60 * minutes * value))
}

impl Cron {
    fn parse(inner: &str) -> Option<Cron> {
        let [minutes, hours, days, months, weekdays, years] =
            inner.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return None;
        };
        Some(Cron {
            minutes: field(minutes, (0, 59), "")?,
            hours: field(hours, (0, 23), "")?,
            days: field(days, (1, 31), "")?,
            months: field(months, (1, 12), MONTHS)?,
            weekdays: field(weekdays, (1, 7), WEEKDAYS)?,
            years: field(years, (1970, 2199), "")?,
        })
    }

    fn next(&self, now: SystemTime) -> Option<SystemTime> {
        let present = Offset::UTC.to_datetime(Timestamp::try_from(now).ok()?);
        let today = present.date();
        let days = (0..DAYS_AHEAD).filter_map(|n| today.checked_add(Span::new().days(n)).ok());
        let fits = |field: &Field, value: i16| field.as_ref().is_none_or(|f| f.contains(&value));
        let days = days.filter(|day| {
            fits(&self.years, day.year())
                && fits(&self.months, day.month().into())
                && fits(&self.days, day.day().into())
                && fits(&self.weekdays, day.weekday().to_sunday_one_offset().into())
        });
        for day in days {
            for hour in (0..24).filter(|h| fits(&self.hours, *h)) {
                for minute in (0..60).filter(|m| fits(&self.minutes, *m)) {
                    let at = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                    if at > present {
                        return instant(at);
                    }
                }
            }
        }
        None
    }
}

/// `*`, `?`, `5`, `MON`, `1-5`, `*/10`, `0/15` and lists of them.
fn field(text: &str, (least, most): (i16, i16), names: &str) -> Option<Field> {
    if matches!(text, "*" | "?") {
        return Some(None);
    }
    let number = |text: &str| -> Option<i16> {
        let name = names.split(' ').position(|n| n == text);
        match name {
            Some(position) => i16::try_from(position + 1).ok(),
            None => text.parse().ok().filter(|n| (least..=most).contains(n)),
        }
    };
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|s| *s > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None if range == "*" => (least, most),
            None if part.contains('/') => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        values.extend((from..=to).step_by(step));
    }
    Some(Some(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn next(schedule: &str, now: &str, expected: Option<&str>) {
        let at = |text: &str| -> SystemTime {
            SystemTime::try_from(text.parse::<Timestamp>().unwrap()).unwrap()
        };
        let parsed = Schedule::parse(schedule).unwrap();
        let next = parsed.next(at("2026-11-24T14:00:00Z"), at(now));
        assert_eq!(next, expected.map(at), "{schedule}");
    }

    #[test]
    fn the_next_time_is_after_now() {
        let now = "2026-11-24T20:00:00Z"; // a Tuesday
        next("at(2026-11-24T20:30:00)", now, Some("2026-11-24T20:30:00Z"));
        next("at(2026-11-24T20:00:00)", now, None);
        next("rate(4 hours)", now, Some("2026-11-24T22:00:00Z"));
        next("cron(0 20 * * ? *)", now, Some("2026-11-25T20:00:00Z"));
        next("cron(0/15 * * * ? *)", now, Some("2026-11-24T20:15:00Z"));
        next(
            "cron(30 6 ? * MON-FRI *)",
            "2026-11-27T07:00:00Z",
            Some("2026-11-30T06:30:00Z"),
        );
        next("cron(0 8 1 1,7 ? *)", now, Some("2027-01-01T08:00:00Z"));
        next("cron(0 8 1 1 ? 2020)", now, None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "at(tomorrow)",
            "rate(0 minutes)",
            "rate(1 week)",
            "cron(0 8 * *)",
            "cron(61 8 * * ? *)",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}

//! The two ways in which answers name a function.

use crate::route::ApiVersion;

/// In whose words an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 2016-08-15 and 2021-04-06: a function is one of a service.
    Services,
    /// 2023-03-30: a function stands alone.
    Functions,
}

impl Shape {
    /// The shape of a version's answers.
    #[must_use]
    pub const fn of(version: ApiVersion) -> Self {
        match version {
            ApiVersion::V2016 | ApiVersion::V2021 => Self::Services,
            ApiVersion::V2023 => Self::Functions,
        }
    }
}

/// A function, by all the names that an answer may call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionNames {
    /// Its ARN, with the qualifier where the answer is of one.
    pub arn: String,
    /// Its name as the 2023 version has it: `function`, or `service$function`.
    pub full: String,
}

impl FunctionNames {
    /// The service and the function within it; the service is empty if it has none.
    #[must_use]
    pub fn in_service(&self) -> (&str, &str) {
        self.full.split_once('$').unwrap_or(("", &self.full))
    }
}

#[cfg(test)]
mod tests {
    use super::FunctionNames;

    #[test]
    fn a_function_is_called_by_its_own_name_in_its_service() {
        let names = |full: &str| FunctionNames { arn: String::new(), full: full.to_owned() };
        assert_eq!(names("svc$fn").in_service(), ("svc", "fn"));
        assert_eq!(names("fn").in_service(), ("", "fn"));
    }
}

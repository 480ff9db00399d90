//! The service's response codes.

use std::fmt;

use serde::{Serialize, Serializer};

/// Lists the codes once: variant, number, meaning, advice.
macro_rules! service_codes {
    ($($variant:ident = $number:literal, $meaning:literal, $advice:literal;)+) => {
        /// A response code of the service or of the gateway in front of it.
        ///
        /// ```
        /// # use koodrive_share::ServiceCode;
        /// let code = ServiceCode::from("13000311");
        /// assert_eq!(code, ServiceCode::NotEnoughSpace);
        /// assert_eq!(code.advice(), Some("free space in the target, then send it again"));
        /// assert_eq!(ServiceCode::from("APIGW.0308").as_str(), "APIGW.0308");
        /// ```
        ///
        /// The set is open: a code that the reference does not list is kept as [`Other`](Self::Other). Source: carrier
        /// reference, errors.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ServiceCode {
            /// 0: success.
            Success,
            $(#[doc = concat!($number, ": ", $meaning, ". What to do: ", $advice, ".")] $variant,)+
            /// A code that the reference does not list, as the service wrote it.
            Other(Box<str>),
        }

        impl ServiceCode {
            /// Returns the code as the service writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    Self::Success => "0",
                    $(Self::$variant => $number,)+
                    Self::Other(code) => code,
                }
            }

            /// Returns what to do about a code that the reference lists, whatever the call.
            /// [`Error::advice`](crate::Error::advice) also takes the call into account.
            pub fn advice(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($advice),)+
                    Self::Success | Self::Other(_) => None,
                }
            }
        }

        impl From<&str> for ServiceCode {
            fn from(code: &str) -> Self {
                match code {
                    "0" => Self::Success,
                    $($number => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

service_codes! {
    BadRequest = "13000101", "bad request", "compare the ids and names with those of the share";
    InnerInvokeFailure = "13000201", "a failure inside the service", "look for the task before creating it again";
    ParameterVerificationFailed = "13000102", "parameter verification failed", "compare the ids with those of the share";
    SpaceAbnormal = "13000301", "space missing or in an abnormal state", "check the container id and the state of the space";
    FileNotInGivenSpace = "13000302", "file not in the given space", "check that every file id belongs to the container id";
    TargetDirectoryAbnormal = "13000304", "target directory abnormal", "send it again later; if that does not help, ask the vendor's support";
    TargetDirectoryRecycled = "13000305", "target directory in the recycle bin", "restore it or choose another target directory";
    FileRecycled = "13000306", "file in the recycle bin", "restore the file or leave it out";
    DirectoriesNested = "13000307", "directories nested in each other", "send it again later; if that does not help, ask the vendor's support";
    FileMetadataIncorrect = "13000308", "file metadata incorrect", "send it again later; if that does not help, ask the vendor's support";
    ResourceNotFound = "13000309", "resource does not exist", "send it again later; if that does not help, ask the vendor's support";
    TooManyDirectoryLevels = "13000310", "too many directory levels", "choose a target nearer to the root";
    NotEnoughSpace = "13000311", "not enough space", "free space in the target, then send it again";
    FileAlreadyInTarget = "13000312", "file already in the target folder", "leave the file out, since the target has it, or choose another target directory";
    DuplicateFileName = "13000405", "duplicate file name", "rename one of the files or choose another target directory";
    NotPossibleOnFolder = "13000406", "operation not possible on a folder", "give the files in the folder instead";
    UserMayNotOperate = "13000410", "user may not operate on this space", "ask the space's owner for the right, or check the user id";
    FileNotInSpace = "13000411", "file not in this space", "check that every file id belongs to the container id";
    SpaceNotActive = "13000412", "space not active", "activate the space first";
}

impl ServiceCode {
    /// Whether the reference lists the code as a refusal. That nothing was done is inferred from the code's meaning.
    pub(crate) fn is_listed_refusal(&self) -> bool {
        !matches!(self, Self::Success | Self::InnerInvokeFailure | Self::Other(_))
    }

    /// Whether the code is a listed refusal that names what was wrong. The service has then checked more than the
    /// headers.
    pub(crate) fn names_its_cause(&self) -> bool {
        self.is_listed_refusal() && !matches!(self, Self::BadRequest | Self::ParameterVerificationFailed)
    }

    /// Whether the code is of the vendor's series: 13 and six digits.
    pub(crate) fn is_of_series(&self) -> bool {
        let code = self.as_str();
        code.len() == 8 && code.starts_with("13") && code.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns the number in a code of the gateway in front of the service: `0308` in `APIGW.0308` and in `APIG.0308`.
    pub(crate) fn gateway_number(&self) -> Option<&str> {
        let (gateway, number) = self.as_str().split_once('.')?;
        matches!(gateway, "APIG" | "APIGW").then_some(number)
    }

    /// Whether the code is that of the gateway's throttling.
    pub(crate) fn is_throttling(&self) -> bool {
        self.gateway_number() == Some("0308")
    }
}

impl fmt::Display for ServiceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ServiceCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_str().parse::<i64>() {
            Ok(number) if number.to_string() == self.as_str() => serializer.serialize_i64(number),
            _ => serializer.serialize_str(self.as_str()),
        }
    }
}

pub mod operations {
    //! [`When`](::httpmock::When) and [`Then`](::httpmock::Then)
    //! wrappers for each operation. Each can be converted to
    //! its inner type with a call to `into_inner()`. This can
    //! be used to explicitly deviate from permitted values.
    use crate::generated::*;
    pub struct GetBatchTaskWhen(::httpmock::When);
    impl GetBatchTaskWhen {
        pub fn new(inner: ::httpmock::When) -> Self {
            Self(
                inner
                    .method(::httpmock::Method::POST)
                    .path_matches(
                        regex::Regex::new("^/koodrive/ose/v1/share/taskDetail$").unwrap(),
                    ),
            )
        }
        pub fn into_inner(self) -> ::httpmock::When {
            self.0
        }
        pub fn x_date(self, value: &crate::x_date::XDate) -> Self {
            Self(self.0.header("X-Date", value.to_string()))
        }
        pub fn x_hw_agentname(self, value: &::std::string::String) -> Self {
            Self(self.0.header("X-Hw-Agentname", value.to_string()))
        }
        pub fn x_traceid<'a, T>(self, value: T) -> Self
        where
            T: Into<Option<&'a crate::trace_id::TraceId>>,
        {
            if let Some(value) = value.into() {
                Self(self.0.header("X-Traceid", value.to_string()))
            } else {
                Self(self.0.header_missing("X-Traceid"))
            }
        }
        pub fn x_user_id(self, value: &::std::string::String) -> Self {
            Self(self.0.header("X-User-Id", value.to_string()))
        }
        pub fn body(self, value: &types::GetBatchTaskRequest) -> Self {
            Self(self.0.json_body_obj(value))
        }
    }
    pub struct GetBatchTaskThen(::httpmock::Then);
    impl GetBatchTaskThen {
        pub fn new(inner: ::httpmock::Then) -> Self {
            Self(inner)
        }
        pub fn into_inner(self) -> ::httpmock::Then {
            self.0
        }
        pub fn ok(self, value: &types::GetBatchTaskResponse) -> Self {
            Self(
                self
                    .0
                    .status(200u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn bad_request(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(400u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn unauthorized(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(401u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn internal_server_error(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(500u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
    }
    pub struct CreateBatchTaskWhen(::httpmock::When);
    impl CreateBatchTaskWhen {
        pub fn new(inner: ::httpmock::When) -> Self {
            Self(
                inner
                    .method(::httpmock::Method::POST)
                    .path_matches(
                        regex::Regex::new("^/koodrive/ose/v1/share/tasks$").unwrap(),
                    ),
            )
        }
        pub fn into_inner(self) -> ::httpmock::When {
            self.0
        }
        pub fn x_date(self, value: &crate::x_date::XDate) -> Self {
            Self(self.0.header("X-Date", value.to_string()))
        }
        pub fn x_hw_agentname(self, value: &::std::string::String) -> Self {
            Self(self.0.header("X-Hw-Agentname", value.to_string()))
        }
        pub fn x_traceid<'a, T>(self, value: T) -> Self
        where
            T: Into<Option<&'a crate::trace_id::TraceId>>,
        {
            if let Some(value) = value.into() {
                Self(self.0.header("X-Traceid", value.to_string()))
            } else {
                Self(self.0.header_missing("X-Traceid"))
            }
        }
        pub fn x_user_id(self, value: &::std::string::String) -> Self {
            Self(self.0.header("X-User-Id", value.to_string()))
        }
        pub fn body(self, value: &types::CreateBatchTaskRequest) -> Self {
            Self(self.0.json_body_obj(value))
        }
    }
    pub struct CreateBatchTaskThen(::httpmock::Then);
    impl CreateBatchTaskThen {
        pub fn new(inner: ::httpmock::Then) -> Self {
            Self(inner)
        }
        pub fn into_inner(self) -> ::httpmock::Then {
            self.0
        }
        pub fn ok(self, value: &types::CreateBatchTaskResponse) -> Self {
            Self(
                self
                    .0
                    .status(200u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn bad_request(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(400u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn unauthorized(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(401u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
        pub fn internal_server_error(self, value: &types::ErrorBody) -> Self {
            Self(
                self
                    .0
                    .status(500u16)
                    .header("content-type", "application/json")
                    .json_body_obj(value),
            )
        }
    }
}
/// An extension trait for [`MockServer`](::httpmock::MockServer) that
/// adds a method for each operation. These are the equivalent of
/// type-checked [`mock()`](::httpmock::MockServer::mock) calls.
pub trait MockServerExt {
    fn get_batch_task<F>(&self, config_fn: F) -> ::httpmock::Mock<'_>
    where
        F: FnOnce(operations::GetBatchTaskWhen, operations::GetBatchTaskThen);
    fn create_batch_task<F>(&self, config_fn: F) -> ::httpmock::Mock<'_>
    where
        F: FnOnce(operations::CreateBatchTaskWhen, operations::CreateBatchTaskThen);
}
impl MockServerExt for ::httpmock::MockServer {
    fn get_batch_task<F>(&self, config_fn: F) -> ::httpmock::Mock<'_>
    where
        F: FnOnce(operations::GetBatchTaskWhen, operations::GetBatchTaskThen),
    {
        self.mock(|when, then| {
            config_fn(
                operations::GetBatchTaskWhen::new(when),
                operations::GetBatchTaskThen::new(then),
            )
        })
    }
    fn create_batch_task<F>(&self, config_fn: F) -> ::httpmock::Mock<'_>
    where
        F: FnOnce(operations::CreateBatchTaskWhen, operations::CreateBatchTaskThen),
    {
        self.mock(|when, then| {
            config_fn(
                operations::CreateBatchTaskWhen::new(when),
                operations::CreateBatchTaskThen::new(then),
            )
        })
    }
}

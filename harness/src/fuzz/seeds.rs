//! Where fuzzing starts: the fixture's network, called as a runtime calls it.

use std::path::Path;

use cni_runtime::{derive_gc_config, derive_plugin_config, derive_status_config};
use cni_types::{Attachment, NetworkConfigList, Operation, PluginConfig, Version};
use serde_json::{Value, json};

use super::case::{Case, Invocation, STORED_RESULT};
use crate::engine::stub::Reply;
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::subject::Subject;
use crate::transcript::Bytes;

/// The subject in one version of the SPEC.
pub struct Seeds<'a> {
    subject: &'a Subject,
    version: Version,
    list: NetworkConfigList,
    plugin: PluginConfig,
}

impl<'a> Seeds<'a> {
    /// The subject's network, written in this version.
    pub fn new(subject: &'a Subject, version: Version) -> Result<Self, HarnessError> {
        let list = subject.network(version)?;
        let plugin = subject.own_plugin(&list).clone();
        Ok(Self {
            subject,
            version,
            list,
            plugin,
        })
    }

    /// Courses of calls that a plugin knows from its runtime.
    pub fn courses(&self) -> Vec<Case> {
        let (add, del, check) = (self.add(), self.del(), self.check());
        let of_other = |invocation: &Invocation| Invocation {
            container: 1,
            ..invocation.clone()
        };
        let mut courses = vec![
            vec![self.version()],
            vec![add.clone()],
            vec![add.clone(), del.clone()],
            vec![del.clone()],
            vec![add.clone(), del.clone(), del.clone()],
            vec![add.clone(), add.clone(), del.clone()],
        ];
        if !self.subject.fixture.setup.exclusive {
            courses.push(vec![
                add.clone(),
                of_other(&add),
                del.clone(),
                of_other(&del),
            ]);
        }
        if self.version.supports_check() {
            courses.push(vec![check.clone()]);
            courses.push(vec![add.clone(), check.clone(), del.clone()]);
            courses.push(vec![add.clone(), del.clone(), check]);
        }
        if self.version.supports_gc_status() {
            courses.push(vec![self.status()]);
            courses.push(vec![self.gc()]);
            courses.push(vec![add, self.gc(), del]);
        }
        courses
            .into_iter()
            .map(|invocations| Case { invocations })
            .collect()
    }

    /// Every call by itself, to be changed in one place at a time.
    pub fn calls(&self) -> Vec<Invocation> {
        let mut calls = vec![self.add(), self.del()];
        if self.version.supports_check() {
            calls.push(self.check());
        }
        if self.version.supports_gc_status() {
            calls.extend([self.status(), self.gc()]);
        }
        calls
    }

    fn attachment(&self, operation: Operation, stored: bool) -> Invocation {
        let stored = stored.then(|| Value::String(STORED_RESULT.to_owned()));
        let offered = &self.subject.fixture.setup.capability_args;
        let stdin = derive_plugin_config(&self.list, &self.plugin, stored.as_ref(), offered);
        Invocation::new(operation, stdin)
    }

    /// ADD.
    pub fn add(&self) -> Invocation {
        self.attachment(Operation::Add, self.subject.kind == Kind::Chained)
    }

    fn del(&self) -> Invocation {
        self.attachment(Operation::Del, true)
    }

    fn check(&self) -> Invocation {
        self.attachment(Operation::Check, true)
    }

    fn version(&self) -> Invocation {
        let stdin = json!({"cniVersion": self.version.to_string()}).to_string();
        Invocation::new(Operation::Version, stdin.into_bytes())
    }

    fn status(&self) -> Invocation {
        Invocation::new(
            Operation::Status,
            derive_status_config(&self.list, &self.plugin),
        )
    }

    fn gc(&self) -> Invocation {
        let valid = [Attachment {
            container_id: "cnispec-a-00000001".to_owned(),
            ifname: self.subject.fixture.setup.ifname.clone(),
        }];
        Invocation::new(
            Operation::Gc,
            derive_gc_config(&self.list, &self.plugin, &valid),
        )
    }

    /// A result such as an ADD of this version has it, for prevResult.
    pub fn result(&self) -> Value {
        let ifname = &self.subject.fixture.setup.ifname;
        let mut result = self.addresses();
        if self.version >= Version::V0_3_0 {
            let netns = Path::new("/run/netns/cnispec-a-00000001");
            result["interfaces"] = json!([
                {"name": "veth1234", "mac": "0a:58:0a:4d:00:01"},
                {"name": ifname, "mac": "0a:58:0a:4d:00:02", "sandbox": netns},
            ]);
        }
        result
    }

    /// The answer of an IPAM plugin to ADD.
    fn addresses(&self) -> Value {
        let routes = json!([{"dst": "0.0.0.0/0", "gw": "10.77.0.1"}]);
        let dns = json!({"nameservers": ["10.77.0.1"], "search": ["example.test"]});
        let version = self.version.to_string();
        if self.version < Version::V0_3_0 {
            return json!({
                "cniVersion": version,
                "ip4": {"ip": "10.77.0.2/16", "gateway": "10.77.0.1", "routes": routes},
                "dns": dns,
            });
        }
        let mut ip = json!({"address": "10.77.0.2/16", "gateway": "10.77.0.1"});
        if self.version < Version::V1_0_0 {
            ip["version"] = json!("4");
        }
        json!({"cniVersion": version, "ips": [ip], "routes": routes, "dns": dns})
    }

    /// Answers of an IPAM plugin to the operation; none where there is no IPAM plugin.
    pub fn replies(&self, operation: Operation) -> Vec<Reply> {
        if self.subject.ipam_type().is_none() {
            return Vec::new();
        }
        let reply = |stdout: &str, status| Reply {
            stdout: Bytes::from(stdout),
            status,
            ..Reply::default()
        };
        let error = json!({
            "cniVersion": self.version.to_string(), "code": 11, "msg": "try again later", "details": "",
        });
        let mut replies = vec![
            reply(&error.to_string(), 1),
            reply("", 1),
            reply("", 0),
            reply("not JSON", 1),
            reply("{}", 0),
            reply("null", 0),
        ];
        if operation == Operation::Add {
            replies.insert(0, reply(&self.addresses().to_string(), 0));
        }
        replies
    }
}

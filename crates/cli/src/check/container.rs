//! What this process lives in, if it is a container, and how its owner lets it do more.

use std::path::Path;

/// A kind of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// A pod, of whatever runtime.
    Kubernetes,
    /// gVisor: a kernel in user space.
    Gvisor,
    /// Another one that says that it is one.
    Other,
}

/// What the owner of a container can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// CAP_SYS_PTRACE: the usual profiles allow with it what looks at other processes.
    Ptrace,
    /// A system call that the usual profiles refuse whatever the capabilities.
    Seccomp,
}

/// Where gVisor says that it is one: its kernel has had this text since ever.
const GVISOR: &str = "#1 SMP Sun Jan 10 15:06:54 PST 2016";

impl Container {
    /// The container that this process lives in.
    pub(super) fn around() -> Option<Self> {
        Self::detect(Path::new("/"), |name| std::env::var_os(name).is_some())
    }

    fn detect(root: &Path, is_set: impl Fn(&str) -> bool) -> Option<Self> {
        let has = |path: &str| root.join(path).exists();
        let version = std::fs::read_to_string(root.join("proc/version")).unwrap_or_default();
        if version.contains(GVISOR) {
            Some(Self::Gvisor)
        } else if is_set("KUBERNETES_SERVICE_HOST") || has("run/secrets/kubernetes.io") {
            Some(Self::Kubernetes)
        } else if has(".dockerenv") {
            Some(Self::Docker)
        } else if has("run/.containerenv") {
            Some(Self::Podman)
        } else if is_set("container") || has("run/systemd/container") {
            Some(Self::Other)
        } else {
            None
        }
    }

    /// For a line and for `--json`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Kubernetes => "kubernetes",
            Self::Gvisor => "gvisor",
            Self::Other => "other",
        }
    }

    /// How something is allowed in it.
    pub(super) const fn mend(self, allowance: Allowance) -> &'static str {
        match (self, allowance) {
            (Self::Docker, Allowance::Ptrace) => "docker run --cap-add SYS_PTRACE",
            (Self::Docker, Allowance::Seccomp) => "docker run --security-opt seccomp=unconfined",
            (Self::Podman, Allowance::Ptrace) => "podman run --cap-add SYS_PTRACE",
            (Self::Podman, Allowance::Seccomp) => "podman run --security-opt seccomp=unconfined",
            (Self::Kubernetes, Allowance::Ptrace) => {
                "in the container's securityContext, capabilities: {add: [SYS_PTRACE]}"
            }
            (Self::Kubernetes, Allowance::Seccomp) => {
                "in the container's securityContext, seccompProfile: {type: Unconfined}"
            }
            (Self::Gvisor, _) => "a runtime on the host's own kernel, such as runc: gVisor has no such call",
            (Self::Other, Allowance::Ptrace) => "give the container CAP_SYS_PTRACE",
            (Self::Other, Allowance::Seccomp) => "a seccomp profile of the container that allows it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A root directory with these files, removed at its end.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("anyclave-root-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&root).unwrap();
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn detected(name: &str, files: &[(&str, &str)], variables: &[&str]) -> Option<&'static str> {
        let root = Root::new(name, files);
        Container::detect(&root.0, |name| variables.contains(&name)).map(Container::name)
    }

    #[test]
    fn containers_are_known_by_their_marks() {
        assert_eq!(detected("none", &[("proc/version", "Linux version 6.1.0")], &[]), None);
        assert_eq!(detected("docker", &[(".dockerenv", "")], &[]), Some("docker"));
        assert_eq!(detected("podman", &[("run/.containerenv", "")], &["container"]), Some("podman"));
        let pod = [("run/secrets/kubernetes.io/serviceaccount/token", ""), (".dockerenv", "")];
        assert_eq!(detected("pod", &pod, &[]), Some("kubernetes"));
        assert_eq!(detected("service", &[], &["KUBERNETES_SERVICE_HOST"]), Some("kubernetes"));
        let gvisor = "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016";
        assert_eq!(detected("gvisor", &[("proc/version", gvisor), (".dockerenv", "")], &[]), Some("gvisor"));
        assert_eq!(detected("nspawn", &[("run/systemd/container", "systemd-nspawn")], &[]), Some("other"));
    }
}

//! Privileges that were needed to open interfaces → none, before the first packet is looked at.

use anyhow::{Context, anyhow, bail};
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_no_new_privs,
};

/// What is needed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// To open an interface that has come back.
    Reopening,
}

/// Goes on as `user`, or else as who called sudo; without capabilities but those that are needed later; and without a way to
/// get new ones. Before any thread is started: capabilities belong to threads.
pub(super) fn give_up(user: Option<&str>, needs: Needs) -> anyhow::Result<()> {
    set_no_new_privs(true).context("no_new_privs")?;
    let target = target(user)?;
    match target {
        Some(target) if geteuid().is_root() && !target.uid.is_root() => {
            set_keep_capabilities(needs == Needs::Reopening)?;
            target.become_it().context("cannot give up the privileges of root")?;
        }
        Some(target) if target.uid != geteuid() => bail!("--user: only root can go on as another user"),
        // Root whom nobody called stays root: its files are its own.
        _ if geteuid().is_root() => return Ok(()),
        _ => {}
    }
    let kept = if needs == Needs::Reopening { CapabilitySet::NET_RAW } else { CapabilitySet::empty() };
    // Who does not have it can't keep it.
    only(kept).or_else(|_| only(CapabilitySet::empty())).context("cannot give up capabilities")
}

fn only(kept: CapabilitySet) -> rustix::io::Result<()> {
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)
}

/// A user to be.
struct Target {
    uid: Uid,
    gid: Gid,
    /// As the system knows it.
    user: Option<User>,
}

impl Target {
    /// First the groups: without root's user that can't be done any more.
    fn become_it(&self) -> nix::Result<()> {
        match &self.user {
            Some(user) => {
                let name =
                    std::ffi::CString::new(user.name.as_str()).map_err(|_| nix::errno::Errno::EINVAL)?;
                initgroups(&name, self.gid)?;
            }
            None => setgroups(&[self.gid])?,
        }
        setresgid(self.gid, self.gid, self.gid)?;
        setresuid(self.uid, self.uid, self.uid)
    }
}

fn target(user: Option<&str>) -> anyhow::Result<Option<Target>> {
    if let Some(name) = user {
        let user = User::from_name(name)
            .ok()
            .flatten()
            .ok_or_else(|| anyhow!("--user: there is no user '{name}'"))?;
        return Ok(Some(Target { uid: user.uid, gid: user.gid, user: Some(user) }));
    }
    Ok(if geteuid().is_root() { caller() } else { None })
}

/// Who called sudo, pkexec or doas.
#[expect(clippy::disallowed_methods, reason = "the environment is the command line's to read")]
fn caller() -> Option<Target> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let known = |uid: Uid| User::from_uid(uid).ok().flatten();
    if let Some(uid) = number("SUDO_UID").or_else(|| number("PKEXEC_UID")).map(Uid::from_raw) {
        let user = known(uid);
        let gid = number("SUDO_GID").map(Gid::from_raw).or(user.as_ref().map(|user| user.gid))?;
        return Some(Target { uid, gid, user });
    }
    let user = User::from_name(&std::env::var("DOAS_USER").ok()?).ok().flatten()?;
    Some(Target { uid: user.uid, gid: user.gid, user: Some(user) })
}

//! What the processes below others are doing: who is there, and how much processor time each has
//! used. What that means is for callers to know.

use std::collections::BTreeMap;
use std::time::Duration;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

/// A process below one that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The process that started it.
    pub parent: u32,
    /// The name of its program, of which Linux keeps fifteen bytes.
    pub name: String,
    /// The processor time it has used.
    pub used: Duration,
}

/// Reads the system's table of processes.
#[derive(Debug)]
pub struct ProcessTree(Option<System>);

impl Default for ProcessTree {
    fn default() -> Self {
        let system = System::new();
        if let Err(error) = &system {
            tracing::debug!(%error, "the table of processes cannot be read");
        }
        Self(system.ok())
    }
}

impl ProcessTree {
    /// Everything that runs below some processes, by id; themselves not among them, nor what has
    /// ended and was not asked about yet. Nothing where the system keeps its table to itself. Reads the whole table, which takes milliseconds.
    pub fn below(&mut self, roots: &[u32]) -> BTreeMap<u32, Member> {
        let kind = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        let Some(system) = &mut self.0 else {
            return BTreeMap::new();
        };
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let mut found: BTreeMap<u32, Member> = BTreeMap::new();
        let mut parents: Vec<u32> = roots.to_vec();
        let processes = system.processes();
        while let Some(parent) = parents.pop() {
            for (id, process) in processes {
                let gone = matches!(
                    process.status(),
                    ProcessStatus::Zombie | ProcessStatus::Dead
                );
                let is_child = process.parent() == Some(Pid::from_u32(parent));
                let id = id.as_u32();
                if gone || !is_child || roots.contains(&id) || found.contains_key(&id) {
                    continue;
                }
                let member = Member {
                    parent,
                    name: process.name().to_string_lossy().into_owned(),
                    used: Duration::from_millis(process.accumulated_cpu_time()),
                };
                found.insert(id, member);
                parents.push(id);
            }
        }
        found
    }

    /// The processor time that one process has used; none when it is not there.
    pub fn used_by(&self, id: u32) -> Option<Duration> {
        let process = self.0.as_ref()?.process(Pid::from_u32(id))?;
        Some(Duration::from_millis(process.accumulated_cpu_time()))
    }
}

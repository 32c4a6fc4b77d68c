//! `shipway scale` over whole nights: killed anywhere, in trouble, with a fleet, and with real containers.

mod fleet;
mod killed;
mod random;
mod real_containers;
mod regions;
mod stage;

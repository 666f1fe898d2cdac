//! Places before argon2: how many may be inside, hashing or waiting for that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::service::{AccountError, ServiceError};

/// A place among those that wait or hash; it is given back however the work ends.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// # Errors
    /// [`AccountError::SignInBusy`]: so many are `inside` already.
    pub(super) fn take(inside: &Arc<AtomicUsize>, most: usize) -> Result<Self, ServiceError> {
        let before = inside.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(inside));
        if before >= most {
            return Err(AccountError::SignInBusy.into());
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Strangers that are inside, by site.
#[derive(Clone, Default)]
pub(super) struct Strangers(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    all: usize,
    of_site: HashMap<IpAddr, usize>,
}

/// The place of one of them.
pub(super) struct StrangersPlace {
    site: IpAddr,
    among: Strangers,
}

impl Strangers {
    /// A place for one of `site`: at most `of_site` of them, and `most` of all. Half of these are for whoever is the first of
    /// their site, so that who has many sites leaves room for those who have one.
    ///
    /// # Errors
    /// [`AccountError::SignInBusy`]: there is none.
    pub(super) fn take(
        &self,
        site: IpAddr,
        of_site: usize,
        most: usize,
    ) -> Result<StrangersPlace, ServiceError> {
        let mut inside = self.inside();
        let before = inside.of_site.get(&site).copied().unwrap_or(0);
        let most = if before == 0 { most } else { most / 2 };
        if before >= of_site || inside.all >= most {
            return Err(AccountError::SignInBusy.into());
        }
        inside.all += 1;
        inside.of_site.insert(site, before + 1);
        drop(inside);
        Ok(StrangersPlace { site, among: self.clone() })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.inside().all
    }
}

impl Drop for StrangersPlace {
    fn drop(&mut self) {
        let Inside { all, of_site } = &mut *self.among.inside();
        *all -= 1;
        if let Some(count) = of_site.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                of_site.remove(&self.site);
            }
        }
    }
}

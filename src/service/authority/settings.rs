//! The configuration of the use cases.

use std::path::PathBuf;
use std::time::Duration;

use crate::access::SignInLimits;
use crate::access::session::SessionLife;
use crate::access::throttle::Rates;
use crate::outbound::AllowedDestinations;
use crate::service::backups::BackupTerms;
use crate::service::certify::{ApprovalTerms, CertificateTerms};
use crate::service::installation::Installation;
use crate::service::status_lists::StreamLimits;
use crate::service::tokens::order::Catalogue;
use crate::service::verification::proxies::TrustedProxies;

/// The parts of the configuration that use cases need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The catalogue of roles.
    pub roles: Catalogue,
    /// Default life of a token minted by Elastic's route.
    pub ece_ttl: Duration,
    /// The proxies that may pass client certificates on.
    pub proxies: TrustedProxies,
    /// The rate of each limit.
    pub rates: Rates,
    /// Bounds of sign-ins.
    pub sign_in: SignInLimits,
    /// Lifetime and idle time of sessions.
    pub sessions: SessionLife,
    /// The terms of every host certificate.
    pub certificates: CertificateTerms,
    /// Terms of approvals.
    pub approval: ApprovalTerms,
    /// The time between two check-ins of a host.
    pub checkin: Duration,
    /// Life of an access token.
    pub access_ttl: Duration,
    /// The destinations of outputs that are allowed by name.
    pub destinations: AllowedDestinations,
    /// The time for which a certificate stays valid after the first use of its successor.
    pub overlap: Duration,
    /// Maximum number of hosts that are put in quarantine within an hour. 0: only the alarm is raised.
    pub quarantine_most: u32,
    /// Time that a host is kept after its last certificate expired.
    pub host_retention: Duration,
    /// True if the CA is imported. Such a CA is rotated at its source.
    pub outside_ca: bool,
    /// The file of an imported root's CRL.
    pub root_crl: Option<PathBuf>,
    /// True if the listener's certificate is external. Tokens cannot pin the root then.
    pub outside_certificate: bool,
    /// The facts of installations.
    pub installation: Installation,
    /// The directory of backups.
    pub backup: BackupTerms,
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// Limits of status list subscribers.
    pub event_streams: StreamLimits,
}

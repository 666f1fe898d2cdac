//! I5: limits on clusters.

use super::*;

#[test]
fn limited_clusters_demand_a_bound_token() {
    let names = BTreeSet::from([Cluster::parse("east").unwrap()]);
    let limits = Limits { clusters: Clusters::Only(names), ..Limits::ANY };
    let rights = Rights::of_role(UserRole::Operator, limits);
    let mint = |cluster| Act::Mint {
        roles: &[],
        dns_names: &[],
        persistent: false,
        lasts: None,
        uses: None,
        cluster,
        policy: None,
    };
    assert_eq!(rights.judge(mint(None)).unwrap_err()[0].limit, "clusters");
    let [west, east] = ["west", "east"].map(|name| Cluster::parse(name).unwrap());
    assert_eq!(rights.judge(mint(Some(&west))).unwrap_err()[0].limit, "clusters");
    assert_eq!(rights.judge(mint(Some(&east))), Ok(()));
}

#[test]
fn limits_without_a_common_cluster_allow_no_token() {
    let of = |names: &[&str]| {
        let names = names.iter().map(|name| Cluster::parse(name).unwrap()).collect();
        let limits = Limits { clusters: Clusters::Only(names), ..Limits::ANY };
        Rights::of_role(UserRole::Operator, limits)
    };
    for (one, other) in [(of(&["east"]), of(&["west"])), (of(&["east"]), of(&[])), (of(&[]), of(&["west"]))] {
        let cut = one.within(&other);
        assert_eq!(serde_json::to_value(&cut.limits).unwrap()["clusters"], "nothing");
        let act = Act::Mint {
            roles: &[],
            dns_names: &[],
            persistent: false,
            lasts: None,
            uses: None,
            cluster: None,
            policy: None,
        };
        let excess = cut.judge(act).unwrap_err();
        assert!(excess[0].message.contains("none in common"), "{}", excess[0].message);
    }
    assert_eq!(of(&[]).within(&of(&[])), of(&[]));
}

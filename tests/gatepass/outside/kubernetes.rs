//! `examples/kubernetes`: the chart under helm, the manifests under the schemas of Kubernetes, and the containers of the pod in
//! each state of an identity. No cluster runs here: mounts and name spaces of this machine stand for the kubelet.

mod chart;
mod first_process;
mod lapsed;
mod manifest;
mod node;
mod states;

# Replace chart and cluster.
# The image brings the binary: write its repository for registry.example.org/gatepass.
# gatepass.token is the file of `gatepass token create --out`.
kubectl create namespace gatepass
kubectl label namespace gatepass pod-security.kubernetes.io/enforce=privileged
kubectl --namespace gatepass create secret generic gatepass-token --from-file=token=gatepass.token
helm install gatepass examples/kubernetes/chart --namespace gatepass --set-string image.repository=registry.example.org/gatepass --set-string cluster=edge-1

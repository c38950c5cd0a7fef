// Command cyclonus prints what cyclonus' simulated engine says of its own generated cases of network policies, for comparison.
//
// One line of JSON for each step of each case: namespaces, pods and policies as objects of Kubernetes, and what it says of each connection.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/sirupsen/logrus"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type cell struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
	Ingress  bool   `json:"ingress"`
	Egress   bool   `json:"egress"`
	Allowed  bool   `json:"allowed"`
}

type step struct {
	Case        int           `json:"case"`
	Step        int           `json:"step"`
	Description string        `json:"description"`
	Objects     []interface{} `json:"objects"`
	Cells       []cell        `json:"cells"`
	// Connections that cannot be tried: no container has such a port.
	Invalid int `json:"invalid"`
}

const addressOfZC = "10.244.2.12"

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := json.NewEncoder(out)
	names := []string{"x", "y", "z"}
	cases := generator.NewTestCaseGenerator(true, addressOfZC, names, nil, nil).GenerateTestCases()
	for number, one := range cases {
		resources, policies := fresh(names), []*networkingv1.NetworkPolicy{}
		for index, of := range one.Steps {
			for _, action := range of.Actions {
				resources, policies = apply(action, resources, policies)
			}
			name(resources)
			parsed := matcher.BuildNetworkPolicies(true, policies)
			jobs := (&probe.JobBuilder{}).GetJobsForProbeConfig(resources, of.Probe)
			line := step{
				Case: number, Step: index, Description: one.Description, Objects: objects(resources, policies), Cells: []cell{},
				Invalid: len(jobs.BadNamedPort) + len(jobs.BadPortProtocol),
			}
			for _, result := range (&probe.SimulatedJobRunner{Policies: parsed}).RunJobs(jobs.Valid) {
				line.Cells = append(line.Cells, cell{
					From: result.Job.FromKey, To: result.Job.ToKey, Protocol: string(result.Job.Protocol), Port: result.Job.ResolvedPort,
					Ingress: *result.Ingress == probe.ConnectivityAllowed, Egress: *result.Egress == probe.ConnectivityAllowed,
					Allowed: result.Combined == probe.ConnectivityAllowed,
				})
			}
			must(lines.Encode(line))
		}
	}
}

// fresh is what every case begins with: three pods in each of three namespaces, with two ports of each protocol.
func fresh(names []string) *probe.Resources {
	protocols := []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP}
	resources := &probe.Resources{Namespaces: map[string]map[string]string{}}
	for i, namespace := range names {
		resources.Namespaces[namespace] = map[string]string{"ns": namespace}
		for j, name := range []string{"a", "b", "c"} {
			pod := probe.NewDefaultPod(namespace, name, []int{80, 81}, protocols, false, "registry.invalid")
			pod.IP = fmt.Sprintf("10.244.%d.%d", i, 10+j)
			resources.Pods = append(resources.Pods, pod)
		}
	}
	return resources
}

func apply(action *generator.Action, resources *probe.Resources, policies []*networkingv1.NetworkPolicy) (*probe.Resources, []*networkingv1.NetworkPolicy) {
	var err error
	without := func(namespace, name string) []*networkingv1.NetworkPolicy {
		left := []*networkingv1.NetworkPolicy{}
		for _, policy := range policies {
			if policy.Namespace != namespace || policy.Name != name {
				left = append(left, policy)
			}
		}
		return left
	}
	switch {
	case action.CreatePolicy != nil:
		policies = append(policies, action.CreatePolicy.Policy)
	case action.UpdatePolicy != nil:
		policy := action.UpdatePolicy.Policy
		policies = append(without(policy.Namespace, policy.Name), policy)
	case action.DeletePolicy != nil:
		policies = without(action.DeletePolicy.Namespace, action.DeletePolicy.Name)
	case action.CreateNamespace != nil:
		resources, err = resources.CreateNamespace(action.CreateNamespace.Namespace, action.CreateNamespace.Labels)
	case action.SetNamespaceLabels != nil:
		resources, err = resources.UpdateNamespaceLabels(action.SetNamespaceLabels.Namespace, action.SetNamespaceLabels.Labels)
	case action.DeleteNamespace != nil:
		resources, err = resources.DeleteNamespace(action.DeleteNamespace.Namespace)
	case action.CreatePod != nil:
		create := action.CreatePod
		resources, err = resources.CreatePod(create.Namespace, create.Pod, create.Labels)
		must(err)
		pod, err := resources.GetPod(create.Namespace, create.Pod)
		must(err)
		pod.IP = "10.244.9.9"
	case action.SetPodLabels != nil:
		resources, err = resources.SetPodLabels(action.SetPodLabels.Namespace, action.SetPodLabels.Pod, action.SetPodLabels.Labels)
	case action.DeletePod != nil:
		resources, err = resources.DeletePod(action.DeletePod.Namespace, action.DeletePod.Pod)
	default:
		panic(fmt.Sprintf("an action of another kind: %+v", action))
	}
	must(err)
	return resources, policies
}

// objects are the state as Kubernetes would have it.
func objects(resources *probe.Resources, policies []*networkingv1.NetworkPolicy) []interface{} {
	all := []interface{}{}
	for name, labels := range resources.Namespaces {
		namespace := v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		namespace.APIVersion, namespace.Kind = "v1", "Namespace"
		all = append(all, namespace)
	}
	for _, one := range resources.Pods {
		pod := one.KubePod()
		pod.APIVersion, pod.Kind = "v1", "Pod"
		pod.Status.PodIP = one.IP
		all = append(all, pod)
	}
	for _, one := range policies {
		policy := one.DeepCopy()
		policy.APIVersion, policy.Kind = "networking.k8s.io/v1", "NetworkPolicy"
		all = append(all, policy)
	}
	return all
}

// name gives every namespace the label that a real API server gives it.
func name(resources *probe.Resources) {
	for name, labels := range resources.Namespaces {
		named := map[string]string{"kubernetes.io/metadata.name": name}
		for key, value := range labels {
			named[key] = value
		}
		resources.Namespaces[name] = named
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Podsecurity judges pods by Kubernetes' own Pod Security checks: one JSON document a line on standard input, with a pod and what
// somebody else says of it (allow or deny) for levels and versions ("baseline v1.37"); every difference is printed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type judged struct {
	Pod      corev1.Pod
	Verdicts map[string]string
}

func main() {
	if err := compare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func compare() error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	compared, denied, different := 0, 0, 0
	for lines.Scan() {
		var one judged
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return err
		}
		for standard, theirs := range one.Verdicts {
			level, version, _ := strings.Cut(standard, " ")
			parsed, err := api.ParseVersion(version)
			if err != nil {
				return err
			}
			at := api.LevelVersion{Level: api.Level(level), Version: parsed}
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(at, &one.Pod.ObjectMeta, &one.Pod.Spec))
			ours := "allow"
			if !result.Allowed {
				ours = "deny"
				denied++
			}
			compared++
			if ours != theirs {
				different++
				fmt.Printf("%s: %s here, %s there: %s %s\n", standard, ours, theirs, result.ForbiddenDetail(), lines.Bytes())
			}
		}
	}
	fmt.Printf("compared %d denied %d different %d\n", compared, denied, different)
	return lines.Err()
}

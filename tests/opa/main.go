// Command opa evaluates templates as Gatekeeper's engine does, and compares what it finds with what was found elsewhere.
//
// It reads lines of JSON from standard input, each with modules (the first has the violations), an input, and the messages that are expected,
// or none where the evaluation is expected to fail. It prints those that differ, and at the end how many there were, how many had a violation,
// how many failed, and how many differed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

type line struct {
	Name    string      `json:"name"`
	Modern  bool        `json:"modern"`
	Package string      `json:"package"`
	Modules []string    `json:"modules"`
	Input   interface{} `json:"input"`
	// Sorted; null where the evaluation failed.
	Messages *[]string `json:"messages"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	queries := map[string]rego.PreparedEvalQuery{}
	count, found, failed, different := 0, 0, 0, 0
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		query, err := prepared(queries, &one)
		if err != nil {
			fmt.Printf("%s: %v\n", one.Name, err)
			different++
			continue
		}
		messages, err := evaluate(query, one.Input)
		count++
		if len(messages) > 0 {
			found++
		}
		if err != nil {
			failed++
		}
		if (err != nil) != (one.Messages == nil) || (err == nil && !reflect.DeepEqual(messages, *one.Messages)) {
			different++
			fmt.Printf("%s: %v (%v), expected %s\n", one.Name, messages, err, lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Printf("%d evaluated, %d with violations, %d failed, %d different\n", count, found, failed, different)
}

func prepared(queries map[string]rego.PreparedEvalQuery, one *line) (rego.PreparedEvalQuery, error) {
	key := strings.Join(one.Modules, "\x00")
	if query, known := queries[key]; known {
		return query, nil
	}
	version := ast.RegoV0
	if one.Modern {
		version = ast.RegoV1
	}
	options := []func(*rego.Rego){
		rego.Query("data." + one.Package + ".violation"), rego.SetRegoVersion(version), rego.StrictBuiltinErrors(true),
	}
	for number, text := range one.Modules {
		options = append(options, rego.Module(fmt.Sprintf("module-%d.rego", number), text))
	}
	query, err := rego.New(options...).PrepareForEval(context.Background())
	if err == nil {
		queries[key] = query
	}
	return query, err
}

func evaluate(query rego.PreparedEvalQuery, input interface{}) ([]string, error) {
	results, err := query.Eval(context.Background(), rego.EvalInput(input))
	if err != nil {
		return nil, err
	}
	messages := []string{}
	for _, result := range results {
		members, _ := result.Expressions[0].Value.([]interface{})
		for _, member := range members {
			fields, _ := member.(map[string]interface{})
			message, _ := fields["msg"].(string)
			messages = append(messages, message)
		}
	}
	sort.Strings(messages)
	return messages, nil
}

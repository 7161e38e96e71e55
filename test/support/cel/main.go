// SPDX-License-Identifier: Apache-2.0

// Does with custom resource definitions and resources what an API server of the newest Kubernetes does, by its own code:
// checks the definitions, with compilation, types and cost of their rules, and then the resources, first by the schema and,
// where that has nothing to say, by the rules. Reads {"definitions": [...], "resources": [...]} and writes what was found:
// {"definitions": [text...], "resources": [{"schema": [text...], "rules": [text...]}...]}.
package main

import (
	"context"
	"io"
	"log"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

type asked struct {
	Definitions []v1.CustomResourceDefinition `json:"definitions"`
	Resources   []map[string]any              `json:"resources"`
}

type found struct {
	Definitions []string  `json:"definitions"`
	Resources   []refusal `json:"resources"`
}

type refusal struct {
	Schema []string `json:"schema"`
	Rules  []string `json:"rules"`
}

type kind struct {
	structural *schema.Structural
	schema     schemavalidation.SchemaCreateValidator
	rules      *cel.Validator
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	must(err)
	var asked asked
	must(json.Unmarshal(input, &asked))
	found := found{Definitions: []string{}, Resources: []refusal{}}
	kinds := map[string]kind{}
	for index := range asked.Definitions {
		definition := &asked.Definitions[index]
		found.Definitions = append(found.Definitions, checkDefinition(definition)...)
		kinds[definition.Spec.Names.Kind] = kindOf(definition)
	}
	for _, resource := range asked.Resources {
		name, _ := resource["kind"].(string)
		known, ok := kinds[name]
		if !ok {
			log.Fatalf("no definition of %q", name)
		}
		found.Resources = append(found.Resources, known.check(resource))
	}
	output, err := json.Marshal(found)
	must(err)
	_, err = os.Stdout.Write(output)
	must(err)
}

func checkDefinition(definition *v1.CustomResourceDefinition) []string {
	v1.SetObjectDefaults_CustomResourceDefinition(definition)
	// as the server writes it down when the definition is made
	definition.Status.StoredVersions = []string{definition.Spec.Versions[0].Name}
	var internal apiextensions.CustomResourceDefinition
	must(v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(definition, &internal, nil))
	return texts(definition.Name+" ", validation.ValidateCustomResourceDefinition(context.Background(), &internal))
}

func kindOf(definition *v1.CustomResourceDefinition) kind {
	var internal apiextensions.JSONSchemaProps
	written := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	must(v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(written, &internal, nil))
	structural, err := schema.NewStructural(&internal)
	must(err)
	validator, _, err := schemavalidation.NewSchemaValidator(&internal)
	must(err)
	return kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

func (kind kind) check(resource map[string]any) refusal {
	refused := refusal{Schema: texts("", schemavalidation.ValidateCustomResource(nil, resource, kind.schema)), Rules: []string{}}
	// a kind without rules has no validator of them
	if len(refused.Schema) > 0 || kind.rules == nil {
		return refused
	}
	errors, _ := kind.rules.Validate(context.Background(), nil, kind.structural, resource, nil, celconfig.RuntimeCELCostBudget)
	refused.Rules = texts("", errors)
	return refused
}

func texts(prefix string, errors field.ErrorList) []string {
	list := []string{}
	for _, each := range errors {
		list = append(list, prefix+each.Error())
	}
	return list
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

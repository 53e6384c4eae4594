package views

import (
	"strings"

	"github.com/a-h/templ"
)

// FieldProps describe one field of a form. Value is what the person typed, also
// when it was wrong; Error is the sentence that says why.
type FieldProps struct {
	Name, Label  string
	ID           string // "" means "field-" + Name
	Type         string // "" means "text"; "textarea" draws several lines
	Value        string
	Hint, Error  string
	Autocomplete string
	Placeholder  string
	InputMode    string
	Pattern      string
	Min, Max     string
	Step         string
	MaxLength    string
	Prefix       string // "$"
	Suffix       string // "an hour"
	Optional     bool   // fields are required unless they say so
	Plain        bool   // an optional field whose label does not say so
	ReadOnly     bool
	Disabled     bool
	Autofocus    bool
}

// Option is one line of a select.
type Option struct{ Value, Label string }

// SelectProps describe a choice from a short list.
type SelectProps struct {
	Name, Label, ID    string
	Value, Hint, Error string
	Options            []Option
	Optional           bool
	Plain              bool // an optional choice whose label does not say so
}

// CheckProps describe a single yes or no.
type CheckProps struct {
	Name, Label, Hint, Error string
	Value                    string // "" means "on"
	Checked                  bool
}

// ChoiceProps describe one of several cards of which one is chosen.
type ChoiceProps struct {
	Name, Value string
	Title, Text string
	Aside, Per  string   // "$0.15", "an hour"
	Specs       []string // "2 vCPU", "4 GB"
	Checked     bool
	Disabled    bool
}

// FieldError is one line of the summary above a form.
type FieldError struct{ Name, Message string }

func (p FieldProps) id() string  { return or(p.ID, "field-"+p.Name) }
func (p SelectProps) id() string { return or(p.ID, "field-"+p.Name) }

// describedBy lists the ids of what explains the field, the error first.
func describedBy(id, hint, wrong string) string {
	var ids []string
	if wrong != "" {
		ids = append(ids, id+"-error")
	}
	if hint != "" {
		ids = append(ids, id+"-hint")
	}
	return strings.Join(ids, " ")
}

func (p FieldProps) attrs() templ.Attributes {
	a := describedAttrs(p.id(), p.Hint, p.Error)
	a["id"] = p.id()
	a["required"] = !p.Optional && !p.ReadOnly && !p.Disabled
	a["readonly"], a["disabled"], a["autofocus"] = p.ReadOnly, p.Disabled, p.Autofocus
	for name, value := range map[string]string{
		"autocomplete": p.Autocomplete, "placeholder": p.Placeholder, "inputmode": p.InputMode, "pattern": p.Pattern,
		"min": p.Min, "max": p.Max, "step": p.Step, "maxlength": p.MaxLength,
	} {
		if value != "" {
			a[name] = value
		}
	}
	return a
}

func choiceAttrs(id, hint, wrong string, optional bool) templ.Attributes {
	a := describedAttrs(id, hint, wrong)
	a["id"], a["required"] = id, !optional
	return a
}

func describedAttrs(id, hint, wrong string) templ.Attributes {
	a := templ.Attributes{}
	if ids := describedBy(id, hint, wrong); ids != "" {
		a["aria-describedby"] = ids
	}
	if wrong != "" {
		a["aria-invalid"] = "true"
	}
	return a
}

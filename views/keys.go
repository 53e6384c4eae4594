package views

import "github.com/ezscale/ezscale/app/accounts"

// KeysProps is a person's API keys, and the one that was just made.
type KeysProps struct {
	When
	Keys   []accounts.APIKey
	Made   *accounts.APIKey // just now; its secret is shown this once
	Secret string
	Name   string // what was typed
	Fields map[string]string
	Said   string // why no key was made
	// Address is where programs ask for the desktops, on the shop's own host.
	Address string
}

func (p KeysProps) errors() []FieldError {
	if said := p.Fields["name"]; said != "" {
		return []FieldError{{Name: "name", Message: said}}
	}
	return nil
}

func (w When) used(k accounts.APIKey) string {
	if k.LastUsedAt == nil {
		return "never"
	}
	return w.At(*k.LastUsedAt)
}

func keyColumns() []Column {
	return []Column{{Label: "Name"}, {Label: "Key"}, {Label: "Made"}, {Label: "Last used"}, {}}
}

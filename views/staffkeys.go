package views

import "github.com/ezscale/ezscale/app/accounts"

// StaffKeys is the keys of a shop's people, and the one that was just made.
type StaffKeys struct {
	When
	Keys    []accounts.StaffKey
	All     bool // of everybody, not only of who looks
	Made    *accounts.APIKey
	Secret  string // shown this once
	Form    TermsForm
	Address string // where programs ask for the customers, on the shop's own host
}

func (p StaffKeys) columns() []Column {
	cols := []Column{{Label: "Name"}, {Label: "Key"}}
	if p.All {
		cols = append(cols, Column{Label: "Whose"})
	}
	return append(cols, Column{Label: "May"}, Column{Label: "Made"}, Column{Label: "Last used"}, Column{})
}

func (p StaffKeys) cells(k accounts.StaffKey) []string {
	cells := []string{k.Name, k.Key}
	if p.All {
		cells = append(cells, k.Person)
	}
	return append(cells, mayWord(k.Scope), p.At(k.CreatedAt), p.used(k.APIKey))
}

func mayWord(s accounts.Scope) string {
	if s == accounts.ScopeRead {
		return "read"
	}
	return "read and operate"
}

func scopes(chosen, wrong string) SelectProps {
	return SelectProps{Name: "scope", Label: "May", Value: or(chosen, string(accounts.ScopeRead)), Error: wrong, Hint: "Operating is to order, start, stop and destroy.",
		Options: []Option{{string(accounts.ScopeRead), "Read only"}, {string(accounts.ScopeOperate), "Read and operate"}}}
}

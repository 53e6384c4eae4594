package views

import (
	"regexp"
	"strings"
)

// Mailbox is the letters that a demonstration has sent.
type Mailbox struct{ Letters []MailboxRow }

// MailboxRow is one letter in the list.
type MailboxRow struct{ Href, Subject, From, To, At string }

// OneLetter is a letter as its receiver reads it, without pictures or markup.
type OneLetter struct {
	MailboxRow
	Text string
}

// linked is a piece of a letter; with Href it is a link.
type linked struct{ Text, Href string }

// pieces splits a letter so that the addresses in it can be followed.
func (l OneLetter) pieces() []linked {
	address := regexp.MustCompile(`https?://[^\s<>"]+`)
	var out []linked
	at := 0
	for _, span := range address.FindAllStringIndex(l.Text, -1) {
		end := at + len(strings.TrimRight(l.Text[at:span[1]], ".,;:!?)"))
		out = append(out, linked{Text: l.Text[at:span[0]]}, linked{Text: l.Text[span[0]:end], Href: l.Text[span[0]:end]})
		at = end
	}
	return append(out, linked{Text: l.Text[at:]})
}

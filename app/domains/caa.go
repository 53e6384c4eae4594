package domains

import (
	"slices"
	"strings"

	"github.com/ezscale/ezscale/app/names"
)

// judgeCAA says what the CAA lines that count for a name (RFC 8659) mean for the
// authority, which answers to any of identities. Empty is no obstacle. An authority
// that is not known by name is kept out only by lines that keep out everybody.
func judgeCAA(lines []names.CAA, identities []string) (problem string) {
	var allowed []string
	said, narrow := false, ""
	for _, l := range lines {
		if l.Tag != "issue" {
			continue
		}
		said = true
		who, rest, _ := strings.Cut(l.Value, ";")
		who = plainText(strings.ToLower(strings.TrimSpace(who)))
		switch {
		case who == "":
		case !slices.Contains(identities, who) && len(identities) > 0:
			allowed = append(allowed, who)
		case methodsAllow(rest):
			return criticalUnknown(lines)
		default:
			narrow = who
		}
	}
	switch {
	case !said:
		return criticalUnknown(lines)
	case narrow != "":
		return "The CAA record for " + narrow + " allows neither http-01 nor tls-alpn-01. Take validationmethods out of it."
	case len(identities) == 0:
		return "A CAA record forbids every authority to make certificates for this name. Remove it."
	case len(allowed) == 0:
		return "A CAA record forbids every authority to make certificates for this name. Add one that says: issue \"" + identities[0] + "\"."
	}
	return "A CAA record allows certificates only from " + strings.Join(allowed, ", ") + ". Add one that says: issue \"" + identities[0] + "\"."
}

// methodsAllow reads the parameters behind an authority's name: without
// validationmethods (RFC 8657) every method is allowed.
func methodsAllow(parameters string) bool {
	for p := range strings.FieldsFuncSeq(parameters, func(r rune) bool { return r == ';' || r == ' ' || r == '\t' }) {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(name, "validationmethods") {
			methods := strings.Split(strings.ToLower(value), ",")
			return slices.Contains(methods, "http-01") || slices.Contains(methods, "tls-alpn-01")
		}
	}
	return true
}

// criticalUnknown finds a line that an authority must understand and cannot (RFC
// 8659, section 4.5).
func criticalUnknown(lines []names.CAA) string {
	known := []string{"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}
	for _, l := range lines {
		if l.Critical && !slices.Contains(known, l.Tag) {
			return "A CAA record with the critical property " + plainText(l.Tag) + " forbids certificates. Remove it."
		}
	}
	return ""
}

// plainText makes what a stranger's records say safe to repeat in a sentence.
func plainText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 120)]
}

package accounts

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ezscale/ezscale/app/fail"
)

// What people may enter.
const (
	MaxEmail    = 254 // RFC 5321, with the errata on the length of a path
	MinPassword = 10
	MaxPassword = 200
	MaxName     = 80
)

const badEmail = "Give an e-mail address, such as ada@example.com."

var domainRule = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$`)

// NormalEmail gives the one spelling under which an address is kept, in small
// letters, or the sentence that says why it cannot be one. Addresses are plain
// ASCII, so that two that look alike are alike.
func NormalEmail(s string) (email, problem string) {
	email = strings.ToLower(strings.TrimSpace(s))
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > MaxEmail || strings.ContainsFunc(email, outsideASCII) {
		return "", badEmail
	}
	local, domain, _ := strings.Cut(email, "@")
	if len(local) > 64 || !domainRule.MatchString(domain) {
		return "", badEmail
	}
	return email, ""
}

func outsideASCII(r rune) bool { return r <= ' ' || r > '~' }

// NormalName gives a name without surrounding space, or what is wrong with it.
func NormalName(s string) (name, problem string) {
	name = strings.TrimSpace(s)
	switch {
	case name == "":
		return "", "Give a name."
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", "A name is one line of letters."
	case utf8.RuneCountInString(name) > MaxName:
		return "", "Use at most 80 characters for the name."
	}
	return name, ""
}

// passwordProblem is empty for a password that may be chosen by somebody with
// this address.
func passwordProblem(password, email string) string {
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return "Use at least 10 characters for the password."
	case n > MaxPassword || len(password) > 4*MaxPassword:
		return "Use at most 200 characters for the password."
	case email != "" && strings.EqualFold(password, email):
		return "Choose a password other than your e-mail address."
	}
	return ""
}

// checked collects what is wrong with a form's fields; nil pointers are fields
// that the form does not have.
func checked(name, email, password *string) error {
	fields := fail.Fields{}
	var problem string
	if name != nil {
		if *name, problem = NormalName(*name); problem != "" {
			fields.Add("name", "%s", problem)
		}
	}
	if email != nil {
		if *email, problem = NormalEmail(*email); problem != "" {
			fields.Add("email", "%s", problem)
		}
	}
	if password != nil {
		var address string
		if email != nil {
			address = *email
		}
		if problem = passwordProblem(*password, address); problem != "" {
			fields.Add("password", "%s", problem)
		}
	}
	return fields.Err()
}

package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func dunningLetters() map[string]Letter {
	b, home := mailBrand(), "https://northwind.test"
	u := MailUnpaid{"NW-0001", "$12.35", "8 December 2026", "18 December 2026", true, home + "/invoices/NW-0001", home + "/"}
	without := u
	without.Card, without.On = false, ""
	return map[string]Letter{
		"unpaid-reminder":          MailReminder(b, "Ada", u),
		"unpaid-reminder-no-card":  MailReminder(b, "Ada", without),
		"unpaid-suspend-warning":   MailSuspendWarning(b, "Ada", u),
		"unpaid-suspended":         MailSuspended(b, "Ada", u),
		"unpaid-terminate-warning": MailTerminateWarning(b, "Ada", u),
		"unpaid-terminated":        MailTerminated(b, "Ada", u),
		"unpaid-resumed":           MailResumed(b, "Ada", u),
		"parked":                   MailParked(b, "Ada", "9 blocks began in one day; the bound is 8.", home+"/"),
		"parked-notice":            MailParkedNotice(b, "Olga", "Ada (ada@example.test)", "9 blocks began in one day; the bound is 8.", home+"/reseller/parked"),
		"parked-released":          MailReleased(b, "Ada", home+"/"),
	}
}

func TestDunningLettersReadAsAgreedR23(t *testing.T) {
	t.Parallel()
	for name, l := range dunningLetters() {
		page, text := letterHTML(t, l), l.Text()
		for ext, got := range map[string]string{"txt": l.Subject + "\n\n" + text, "html": page} {
			path := filepath.Join("testdata", "mail", name+"."+ext)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got != string(want) {
				t.Errorf("%s differs from the agreed text (%v); got:\n%s", path, err, got)
			}
		}
		for _, part := range append(append([]string{l.Button.Label, l.Button.URL}, l.Body...), l.After...) {
			if !strings.Contains(page, part) || !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in both forms", name, part)
			}
		}
	}
}

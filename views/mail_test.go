package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/branding"
)

func mailBrand() MailBrand {
	return MailBrand{"Northwind <Desktops>", "#ffe600", "help@northwind.test", "+1 555 0100", "https://northwind.test/"}
}

func letters() map[string]Letter {
	b, home := mailBrand(), "https://northwind.test"
	desktop := MailDesktop{"Developer Basic", "Ubuntu with VS Code", home + "/workspaces/7", home + "/workspaces/7/launch", "nw-ada", "p<a>ss"}
	invoice := MailInvoice{"NW-0001", "1 to 31 October 2026", "$12.35", "$10.00", "$2.35", "15 November 2026", home + "/invoices/NW-0001"}
	covered := invoice
	covered.AmountDue, covered.DueDate = "$0.00", ""
	return map[string]Letter{
		"welcome":         MailWelcome(b, "Olga", "olga@northwind.test", home+"/reset/TOKEN", home+"/reseller"),
		"invited":         MailInvited(b, "Stan", "stan@northwind.test", home+"/reset/TOKEN", home+"/reseller"),
		"made-staff":      MailMadeStaff(b, "Stan", "stan@northwind.test", home+"/reseller"),
		"verify":          MailVerify(b, "Ada", home+"/verify/TOKEN"),
		"exists":          MailAccountExists(b, "Ada", home+"/sign-in", home+"/forgot"),
		"reset":           MailReset(b, "", home+"/reset/TOKEN"),
		"ready":           MailReady(b, "Ada", desktop),
		"failed":          MailFailed(b, "Ada", desktop, "No desktop host has room right now."),
		"ended":           MailEnded(b, "Ada", desktop),
		"idle":            MailIdle(b, "Ada", desktop, "14:30 on 23 November 2026 (Europe/Berlin)", "15 minutes"),
		"unscheduled":     MailScheduleRefused(b, "Ada", desktop, "Add credits or a payment method first."),
		"webhook-off":     MailWebhookOff(b, "Olga", "hooks.northwind.test", "502 upstream <is> away", home+"/reseller/webhooks/7"),
		"invoice":         invoice.Letter(b, "Ada"),
		"invoice-covered": covered.Letter(b, "Ada"),
	}
}

func letterHTML(t testing.TB, l Letter) string {
	t.Helper()
	var out strings.Builder
	if err := MailHTML(l).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The goldens are written anew with UPDATE_GOLDEN=1.
func TestLettersReadAsAgreed(t *testing.T) {
	t.Parallel()
	for name, l := range letters() {
		for ext, got := range map[string]string{"txt": l.Subject + "\n\n" + l.Text(), "html": letterHTML(t, l)} {
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
	}
}

func TestBothFormsOfALetterSayTheSame(t *testing.T) {
	t.Parallel()
	unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#39;", "'", "&#34;", `"`)
	for name, l := range letters() {
		page, text := unescape.Replace(letterHTML(t, l)), l.Text()
		parts := append(append(append([]string{l.Greeting(), l.Button.Label, l.Button.URL, l.Brand.Company, l.Brand.Help()}, l.Body...), l.Steps...), l.After...)
		for _, fact := range l.Facts {
			parts = append(parts, fact.Label, fact.Value)
		}
		for _, part := range parts {
			if !strings.Contains(page, part) || !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in both forms", name, part)
			}
		}
		if strings.Contains(letterHTML(t, l), "<Desktops>") || strings.Contains(letterHTML(t, l), "<a>ss") {
			t.Errorf("%s: a text became markup", name)
		}
	}
}

func TestTheButtonIsReadableInEveryBrand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := MailBrand{Colour: "#" + rapid.StringMatching(`[0-9a-f]{6}`).Draw(r, "colour")}
		tones := b.tones()
		if ratio := branding.Contrast(tones.Ink, tones.Fill); ratio < 4.5 {
			r.Fatalf("got contrast %.2f", ratio)
		}
	})
	got := letterHTML(t, Letter{Brand: MailBrand{Colour: `red;background:url(//evil.test)`}, Button: MailLink{"Go", "https://shop.test"}})
	if strings.Contains(got, "evil.test") {
		t.Error("what is not a colour must not reach a style")
	}
}

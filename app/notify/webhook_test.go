package notify

import (
	"strings"
	"testing"
)

func TestOwnersHearOfAWebhookThatWasSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.OnWebhook(t.Context(), w.event("webhook.switched_off", map[string]any{"user_id": w.user.ID, "webhook_id": "7", "host": "hooks.example.test", "said": "502 away"}))
	if err != nil {
		t.Fatal(err)
	}
	letter := w.letters(1)[0]
	for _, want := range []string{"hooks.example.test was switched off", "502 away", "/reseller/webhooks/7"} {
		if !strings.Contains(letter.Subject+letter.Text, want) {
			t.Errorf("%q is missing in %s", want, letter.Text)
		}
	}
}

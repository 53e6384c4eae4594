package views

// MailWebhookOff says that a webhook takes nothing any more.
func MailWebhookOff(b MailBrand, name, host, said, page string) Letter {
	l := Letter{Brand: b, Name: name, Subject: "The webhook to " + host + " was switched off", Preview: "It has taken no message for days.",
		Body: []string{"Messages about your shop could not be delivered to " + host + ", so its webhook was switched off and what waited for it was given up.",
			"Put the receiver right, then switch the webhook on again and send it a test. What it missed is in its log and can be sent again."},
		Button: MailLink{"Open the webhook", page}}
	if said != "" {
		l.Facts = []MailFact{{"Its last answer", said}}
	}
	return l
}

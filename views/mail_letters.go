package views

// The letters of a shop. Links are whole addresses on the shop's own host.

// MailWelcome goes to the owner of a new shop.
func MailWelcome(b MailBrand, name, email, password, console string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your shop " + b.Company + " is ready",
		Preview: "Choose a password and take the first steps.",
		Body:    []string{"Your shop is set up at " + b.Home + ". You sign in as " + email + ". Take these steps first:"},
		Steps: []string{
			"Choose your password with the button below.",
			"Set your logo, colours and support address under Branding.",
			"Look over your plans and prices.",
			"Point your own domain at the shop, if you have one.",
			"Order a desktop yourself, to see what your customers will see.",
		},
		Button: MailLink{"Choose a password", password},
		After:  []string{"The link works once, for seven days. Afterwards you find the console at " + console + "; use “Forgot your password?” there for a new link."},
	}
}

// MailInvited goes to somebody who was added to a shop, as staff for example.
func MailInvited(b MailBrand, name, email, password, console string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "You were invited to " + b.Company,
		Preview: "Choose a password to sign in.",
		Body:    []string{"You now have an account at " + b.Company + " as " + email + ". Choose a password to sign in."},
		Button:  MailLink{"Choose a password", password},
		After:   []string{"The link works once, for seven days. If you help to run this shop, its console is at " + console},
	}
}

// MailMadeStaff tells a customer that the shop is now in their hands, too.
func MailMadeStaff(b MailBrand, name, email, console string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "You now help to run " + b.Company,
		Preview: "Sign in to the console with the password that you have.",
		Body:    []string{"You were asked to help to run " + b.Company + ". Sign in to its console as " + email + ", with the password that you have."},
		Button:  MailLink{"Open the console", console},
		After:   []string{"If you did not expect this, write to the shop before you do anything."},
	}
}

// MailVerify asks a new customer to confirm the address.
func MailVerify(b MailBrand, name, link string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Confirm your e-mail address",
		Preview: "One click, and you can order your first desktop.",
		Body:    []string{"Welcome to " + b.Company + ". Please confirm that this is your e-mail address; then you can order your first desktop."},
		Button:  MailLink{"Confirm my address", link},
		After:   []string{"The link works once, for 48 hours. If you did not sign up, you need not do anything."},
	}
}

// MailAccountExists answers a sign-up with an address that has an account. The
// page that took the sign-up did not say so.
func MailAccountExists(b MailBrand, name, signIn, forgot string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "You already have an account",
		Preview: "Somebody signed up with your e-mail address.",
		Body: []string{
			"Somebody, probably you, just signed up at " + b.Company + " with this e-mail address. You have an account already, so nothing was changed: sign in with the password that you chose then.",
		},
		Button: MailLink{"Sign in", signIn},
		After:  []string{"Forgotten the password? Ask for a new one at " + forgot, "If it was not you, you need not do anything."},
	}
}

// MailReset carries the link to a new password.
func MailReset(b MailBrand, name, link string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Choose a new password",
		Preview: "The link works once, for one hour.",
		Body:    []string{"You asked for a new password at " + b.Company + "."},
		Button:  MailLink{"Choose a new password", link},
		After:   []string{"The link works once, for one hour, and ends earlier ones. If you did not ask for it, your password stays as it is and you need not do anything."},
	}
}

// MailDesktop is a desktop as letters speak of it.
type MailDesktop struct {
	Plan     string // "Developer Basic"
	Template string // "Ubuntu with VS Code"
	Page     string // its page in the shop
	Launch   string // opens it, after sign-in
	Username string
	Password string
}

func (d MailDesktop) title() string { return d.Plan + " (" + d.Template + ")" }

// MailReady tells that a new desktop runs, with everything to sign in to it.
func MailReady(b MailBrand, name string, d MailDesktop) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your desktop is ready",
		Preview: d.title() + " is running.",
		Body:    []string{"Your desktop " + d.title() + " is running and its clock is ticking. Stop it from its page whenever you pause; a stopped desktop costs nothing by the hour."},
		Facts:   []MailFact{{"Address", d.Launch}, {"User name", d.Username}, {"Password", d.Password}},
		Button:  MailLink{"Open my desktop", d.Launch},
		After:   []string{"The button signs you in to the desktop by itself; you need the user name and password only if it asks.", "Start, stop and running cost: " + d.Page},
	}
}

// MailFailed tells that a desktop could not be got ready; reason is a sentence
// for people, or empty.
func MailFailed(b MailBrand, name string, d MailDesktop, reason string) Letter {
	l := Letter{
		Brand: b, Name: name,
		Subject: "Your desktop could not be started",
		Preview: "Nothing was charged for it.",
		Body: []string{
			"We are sorry: your desktop " + d.title() + " could not be made ready, although we tried several times. Nothing was charged for the attempt.",
			"We have been told and are looking into it. You can try again from its page.",
		},
		Button: MailLink{"See my desktop", d.Page},
	}
	if reason != "" {
		l.Facts = []MailFact{{"What happened", reason}}
	}
	return l
}

// MailEnded tells that a desktop stopped without anybody here asking for it.
func MailEnded(b MailBrand, name string, d MailDesktop) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your desktop has stopped",
		Preview: "Its clock has stopped too.",
		Body:    []string{"Your desktop " + d.title() + " was ended by the machine that it ran on. Its clock stopped at the last moment at which we know that it ran. You can start it again at any time."},
		Button:  MailLink{"See my desktop", d.Page},
	}
}

// MailIdle warns that a desktop which nobody uses is about to be stopped. stops is the
// time with its zone; more is the length of one extension, such as "15 minutes".
func MailIdle(b MailBrand, name string, d MailDesktop, stops, more string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your desktop stops soon, as nobody uses it",
		Preview: "It stops at " + stops + " unless somebody connects.",
		Body: []string{
			"Nobody has been connected to your desktop " + d.title() + " for a while. It stops at " + stops + ", so that it costs nothing while you are away.",
			"To keep it, connect to it, or keep it for another " + more + " from its page with one tap.",
		},
		Button: MailLink{"Keep my desktop running", d.Page},
		After:  []string{"You choose on its page after how long without anybody connected it stops, or that it never does."},
	}
}

// MailScheduleRefused tells that a schedule could not start a desktop; reason is a
// sentence for people.
func MailScheduleRefused(b MailBrand, name string, d MailDesktop, reason string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your desktop was not started by its schedule",
		Preview: reason,
		Body:    []string{"Your desktop " + d.title() + " has a schedule that should have started it now, but it could not be started. Nothing was charged, and the schedule goes on with its next time."},
		Facts:   []MailFact{{"What happened", reason}},
		Button:  MailLink{"See my desktop", d.Page},
	}
}

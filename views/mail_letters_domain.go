package views

// MailDomain is what the letters about a shop's domain speak of.
type MailDomain struct {
	Shop      string // the reseller's own name
	Domain    string
	Reason    string // what was found, as a sentence
	ReleaseOn string // written out
	Link      string // the reseller's page of domains
}

// MailDomainLapsed warns that a name no longer points at us.
func MailDomainLapsed(b MailBrand, name string, d MailDomain) Letter {
	return Letter{Brand: b, Name: name, Subject: d.Domain + " no longer leads to " + d.Shop, Preview: "Put its records right before " + d.ReleaseOn + ".",
		Body: []string{"We look at your domains every day, and " + d.Domain + " no longer leads to us. Visitors who type it may not reach " + d.Shop + ".",
			"If that is a mistake, put the records right; your console shows them, and what we find. If it stays as it is, we give the domain up on " + d.ReleaseOn + "."},
		Facts:  []MailFact{{"What we found", d.Reason}, {"Given up on", d.ReleaseOn}},
		Button: MailLink{"See the records", d.Link}}
}

// MailDomainReleased says that a name was given up.
func MailDomainReleased(b MailBrand, name string, d MailDomain) Letter {
	return Letter{Brand: b, Name: name, Subject: d.Domain + " is no longer a domain of " + d.Shop, Preview: "It has led elsewhere for too long.",
		Body: []string{d.Domain + " has led elsewhere for too long, so it is no longer a domain of " + d.Shop + " and its certificate is not renewed. The shop still answers at its other addresses.",
			"To use it again, add it in your console and make its records."},
		Facts:  []MailFact{{"What we found", d.Reason}},
		Button: MailLink{"Open your domains", d.Link}}
}

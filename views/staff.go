package views

// Team is who runs a shop, and the form that invites more people.
type Team struct {
	People []TeamMember
	Invite TermsForm
	Wrong  string // why what was asked for cannot be done
}

// TeamMember is one person of a shop's.
type TeamMember struct {
	ID, Name, Email string
	Role            string // owner, staff
	Since           string
	State           string // as it is stored, when not active
	Invited         bool   // has not followed the invitation yet
	You             bool
}

func roles(chosen, wrong, id string) SelectProps {
	return SelectProps{Name: "role", ID: id, Label: "Role", Value: or(chosen, "staff"), Error: wrong, Options: []Option{{"staff", "Staff"}, {"owner", "Owner"}}}
}

func (m TeamMember) action(what string) string { return "/reseller/staff/" + m.ID + "/" + what }

// other is the role that the person does not have, and what the button says.
func (m TeamMember) other() (role, label string) {
	if m.Role == "owner" {
		return "staff", "Make staff"
	}
	return "owner", "Make owner"
}

func (m TeamMember) role() string {
	if m.Role == "owner" {
		return "Owner"
	}
	return "Staff"
}

func (m TeamMember) removal() (question, text, label string) {
	if m.Invited {
		return "Take the invitation back?", "The link in the letter to " + m.Email + " works no more.", "Take it back"
	}
	return "Remove " + m.Name + "?", "They are signed out at once and see the console no more. They stay a customer of the shop.", "Remove"
}

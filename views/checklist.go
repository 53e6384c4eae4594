package views

import "strconv"

// Checklist is what a new shop has done and what it has still to do. A list
// without steps is not shown.
type Checklist struct {
	Steps []ChecklistStep
	Hide  string // the form that puts the list away
}

// ChecklistStep is one line of a Checklist.
type ChecklistStep struct {
	Title, Text string
	Href        string // where to do it; empty for who may not
	Done        bool
}

func (c Checklist) done() int {
	n := 0
	for _, s := range c.Steps {
		if s.Done {
			n++
		}
	}
	return n
}

func (c Checklist) meter() MeterProps {
	n := c.done()
	return MeterProps{Label: "First steps done", Percent: 100 * n / max(len(c.Steps), 1), Text: strconv.Itoa(n) + " of " + strconv.Itoa(len(c.Steps)) + " done"}
}

func (s ChecklistStep) class() string {
	if s.Done {
		return "step-done"
	}
	return ""
}

func (s ChecklistStep) spoken() string {
	if s.Done {
		return "Done: "
	}
	return "To do: "
}

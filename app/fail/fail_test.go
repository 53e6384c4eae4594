package fail

import (
	"errors"
	"fmt"
	"testing"
)

func TestKindSurvivesWrapping(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("start: %w", Missing("workspace"))
	if got := KindOf(err); got != NotFound {
		t.Errorf("got kind %d, want NotFound", got)
	}
	if KindOf(errors.New("x")) != Internal || Is(nil, Internal) {
		t.Error("a plain error is Internal, and nil is nothing")
	}
}

func TestFieldsKeepTheFirstSentence(t *testing.T) {
	t.Parallel()
	f := Fields{}
	if f.Err() != nil {
		t.Fatal("no field, no error")
	}
	f.Add("name", "Give a name.")
	f.Add("name", "Second.")
	f.Add("email", "Give an e-mail address.")
	var e *Error
	if !errors.As(f.Err(), &e) || e.Kind != Invalid || e.Message != "Give an e-mail address." || e.Fields["name"] != "Give a name." {
		t.Errorf("got %+v", e)
	}
}

package web_test

import (
	"testing"

	"github.com/deskgate/deskgate/web"
)

func TestNewBuildsRoutesAndPages(t *testing.T) {
	s, err := web.New(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Routes()) == 0 {
		t.Error("New made no routes")
	}
}

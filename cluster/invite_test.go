package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/noisefs/noisefs/messages"
)

var inviteDay = time.Unix(1_800_000_000, 0)

func testInvites() map[string]Invite {
	address := "/ip4/192.0.2.7/tcp/4021/p2p/" + messages.NodeID{1}.String()
	return map[string]Invite{
		"Open":    {Expires: inviteDay, Addresses: []string{address}},
		"Private": {Expires: inviteDay, Secret: &NetworkSecret{7}, Addresses: []string{address, address}},
	}
}

func TestInvite(t *testing.T) {
	for name, want := range testInvites() {
		t.Run(name, func(t *testing.T) {
			text := FormatInvite(want)
			got, err := ParseInvite(text, inviteDay)
			if err != nil {
				t.Fatal(err)
			}
			if got.Secret == nil != (want.Secret == nil) || got.Secret != nil && *got.Secret != *want.Secret {
				t.Error("another secret came back")
			}
			got.Secret, want.Secret = nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			_, err = ParseInvite(text, inviteDay.Add(time.Second))
			if !errors.Is(err, ErrExpired) {
				t.Errorf("got %v a second later, want ErrExpired", err)
			}
			for i := len(InvitePrefix); i < len(text); i++ {
				typo := text[:i] + string('1'+(text[i]-'1'+1)%9) + text[i+1:]
				if _, err := ParseInvite(typo, inviteDay); typo != text && !errors.Is(err, ErrInvite) {
					t.Fatalf("got %v with a typo at %d, want ErrInvite", err, i)
				}
			}
			if shown := fmt.Sprintf("%v %+v %s", want, want, want); strings.Contains(shown, "/ip4") {
				t.Errorf("it prints as %s", shown)
			}
		})
	}
	bad := testInvites()["Open"]
	bad.Addresses = []string{"/ip4/192.0.2.7/tcp/4021"}
	for name, text := range map[string]string{
		"Empty": "", "Link": "noisefs:12acdj", "NoAddress": FormatInvite(Invite{Expires: inviteDay}),
		"NoID": FormatInvite(bad), "Prefix": InvitePrefix, "Long": InvitePrefix + strings.Repeat("2", InviteTextMax),
	} {
		if _, err := ParseInvite(text, inviteDay); !errors.Is(err, ErrInvite) {
			t.Errorf("%s: got %v, want ErrInvite", name, err)
		}
	}
}

func FuzzInvite(f *testing.F) {
	for _, invite := range testInvites() {
		f.Add(FormatInvite(invite))
	}
	f.Fuzz(func(t *testing.T, text string) {
		invite, err := ParseInvite(text, inviteDay)
		if err == nil && FormatInvite(invite) != text {
			t.Fatalf("%q is read as %q", text, FormatInvite(invite))
		}
	})
}

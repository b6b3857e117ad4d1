// Package passkey signs staff in with passkeys: keys that their devices, password managers or security keys hold, and use
// only after they have recognised their owner.
//
// A passkey belongs to one member of one tenant at one host, and to that host's origin with its port: it works nowhere
// else, so nobody can be lured into using it for another site. It is both factors at once. Each answer belongs to a
// challenge that was made for one browser, for one purpose, and that is gone as soon as it is answered, well or badly.
//
// What makes a device trustworthy is its owner's choice: no attestation is asked for, and none is looked at. Whoever
// guesses at a copied key by its count of uses is believed: such a passkey signs nobody in any more.
package passkey

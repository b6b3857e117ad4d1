// Package words says things in the language, and with the time, of whoever reads them.
//
// The English sentence is the key: templates write {{.T "Sign in"}}, Go code writes words.T("Sign in"), and de.toml has
// the German for it. A sentence with a number in it has one form for each plural, in en.toml too. Where one English word
// needs two German ones, what stands behind a bar tells them apart and is never shown: "Open|status".
//
// What is missing in a language is shown in English. A test of web finds it, and finds what nobody says any more.
package words

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
#
# Completion of sealpost(8) for bash. It knows no command by name: what there is
# to complete it reads from what `sealpost ... --help` prints, so it cannot fall
# behind.

# The first column of a listing, without the heading.
_sealpost_list() {
	"$program" "${conf[@]}" "$@" 2>/dev/null |
	    awk '$1 != "ADDRESS" && NF { print $1 }' | sort -u
}

# What stands for a word of the usage.
_sealpost_values() {
	case $1 in
	ADDRESS*)
		case $path in
		alias*) _sealpost_list alias list ;;
		*) _sealpost_list user list ;;
		esac ;;
	TARGET*) _sealpost_list user list ;;
	DOMAIN*) _sealpost_list domain list ;;
	DIR*) compgen -d -- "$cur" ;;
	FILE*) compgen -f -- "$cur" ;;
	esac
}

# The options in the usage and the help: "--name" or "--name VALUE".
_sealpost_options() {
	printf '%s\n' "$help" | awk '
		NR == 1 {
			gsub(/[|]/, "] [")
			while (match($0, /--[a-z-]+( [A-Z]+)?/)) {
				print substr($0, RSTART, RLENGTH)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}
		/^  --[a-z]/ {
			match($0, /--[a-z-]+( [A-Z]+)?/)
			print substr($0, RSTART, RLENGTH)
		}'
	echo --help
}

# The words of the usage that are no options, without what follows a "<".
_sealpost_arguments() {
	printf '%s\n' "$help" | sed -n '1 {
		s/^usage: //
		s/ <.*//
		s/\[--[^]]*\]//g
		s/ --[a-z-]*//g
		s/[][]//g
		p
	}' | tr ' ' '\n' | grep '^[A-Z]'
}

# "key=" and what may follow it, from lines "  key=this|that  ...".
_sealpost_settings() {
	case $cur in
	*=*)
		printf '%s\n' "$help" |
		    sed -n "s/^  ${cur%%=*}=\\([^ ]*\\) .*/\\1/p" | tr '|' '\n' |
		    grep '^[a-z]' | sed "s/^/${cur%%=*}=/" ;;
	*)
		printf '%s\n' "$help" | sed -n 's/^  \([a-z_]*=\).*/\1/p' ;;
	esac
}

# The positional argument that the cursor is at; the last may be repeated.
_sealpost_argument() {
	local wanted

	wanted=$(_sealpost_arguments | sed -n "$1p")
	[ -n "$wanted" ] ||
	    wanted=$(_sealpost_arguments | sed -n '$ { /\.\.\.$/p; }')
	case $wanted in
	KEY=*) _sealpost_settings ;;
	*) _sealpost_values "$wanted" ;;
	esac
}

# The option's value, if it takes one: fails if it takes none.
_sealpost_value_of() {
	local found

	found=$(_sealpost_options | sed -n "s/^$1 //p" | head -n 1)
	[ -n "$found" ] && _sealpost_values "$found"
}

# What may stand at the cursor, after the command with its help is known.
_sealpost_words() {
	local count=1 word skip=no previous=

	for word in "$@"; do
		if [ "$skip" = yes ]; then
			skip=no
		elif [[ $word == --*=* ]]; then
			:
		elif [[ $word == --* ]]; then
			_sealpost_options | grep -q -- "^$word [A-Z]" && skip=yes
		else
			count=$((count + 1))
		fi
		previous=$word
	done
	if [ "$skip" = yes ]; then
		_sealpost_value_of "$previous"
	elif [[ $cur == -* ]]; then
		_sealpost_options | cut -d ' ' -f 1 | sort -u
	else
		_sealpost_argument "$count"
	fi
}

# bash takes "quota=none" for three words: here it is one.
_sealpost_join() {
	local word last=

	for word in "$@"; do
		if [ "$word" = = ] || [[ $last == *= ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		last=${words[${#words[@]} - 1]}
	done
}

_sealpost() {
	local program=${COMP_WORDS[0]/#\~/$HOME} path= help at=1 found
	local words=() conf=() cur

	_sealpost_join "${COMP_WORDS[@]:0:COMP_CWORD + 1}"
	cur=${words[${#words[@]} - 1]}
	COMPREPLY=()
	while [ "$at" -lt $((${#words[@]} - 1)) ] &&
	    [[ ${words[at]} == -* ]]; do
		case ${words[at]} in
		-c) conf=(-c "${words[at + 1]}"); at=$((at + 2)) ;;
		-c*) conf=("${words[at]}"); at=$((at + 1)) ;;
		*) return ;;
		esac
	done
	# after -c
	[ "$at" -lt ${#words[@]} ] || {
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
	}
	help=$("$program" --help 2>/dev/null) || return
	while [[ ${help%%$'\n'*} == *' COMMAND ...' ]]; do
		if [ "$at" -eq $((${#words[@]} - 1)) ]; then
			found=$(printf '%s\n' "$help" |
			    sed -n 's/^  \([a-z]*\)  .*/\1/p')
			[[ $cur != -* ]] || found='-c --help'
			mapfile -t COMPREPLY < <(compgen -W "$found" -- "$cur")
			return
		fi
		path+=${path:+ }${words[at]}
		at=$((at + 1))
		# shellcheck disable=SC2086 # the commands have no blanks
		help=$("$program" $path --help 2>/dev/null) || return
	done
	help="usage: ${help#"usage: sealpost $path"}"
	_sealpost_reply "${words[@]:at:${#words[@]} - 1 - at}"
}

# Gives bash what begins as the word does.
_sealpost_reply() {
	local found

	found=$(_sealpost_words "$@")
	mapfile -t COMPREPLY < <(compgen -W "$found" -- "$cur")
	case $cur in # bash completes what follows its own break at "=" alone
	*=*) [[ ${COMP_WORDBREAKS-} != *=* ]] ||
		COMPREPLY=("${COMPREPLY[@]#"${cur%%=*}="}") ;;
	esac
	if [[ ${COMPREPLY[0]-} == *= ]]; then
		compopt -o nospace 2>/dev/null
	elif [[ $found == */* ]]; then
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _sealpost sealpost

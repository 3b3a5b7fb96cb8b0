"""`archcalc completion`: the script that makes a shell complete archcalc's words."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from archcalc.command import write_output
from archcalc.usage.declared import Choice, argument
from archcalc.usage.help import Command
from archcalc.usage.options import output_option


class Bash(BashComplete):
    """Bash, which begins a new word at @: the pieces are joined, and the answers cut before it."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' words=() i word type value response
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 0 && ( $word == @* || ${COMP_WORDS[i - 1]} == *@ ) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    local last=$((${#words[@]} - 1))
    local typed=${words[last]}
    local kept=
    [[ $typed == *@* ]] && kept=${typed%%@*}
    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$last %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    for word in $response; do
        IFS=',' read -r type value <<< "$word"
        if [[ $type == file ]]; then
            compopt -o default
        else
            COMPREPLY+=("${value#"$kept"}")
            [[ $value == */ || $value == *= ]] && compopt -o nospace
        fi
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Fish(FishComplete):
    """Fish, whose words may have commas: only the first one ends the kind of a word."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": ZshComplete, "fish": Fish}

EXAMPLES = (
    "archcalc completion bash",
    "archcalc completion zsh -o _archcalc",
)


@click.command("completion", cls=Command, examples=EXAMPLES)
@argument("shell", type=Choice(tuple(SHELLS)), metavar="|".join(SHELLS))
@output_option
@click.pass_context
def command(context: click.Context, shell: str, output: str | None) -> None:
    """Print the script that makes a shell complete commands, options, specs, layers, measures and codes.

    bash: add `eval "$(archcalc completion bash)"` to ~/.bashrc. zsh: add `eval "$(archcalc completion zsh)"` to
    ~/.zshrc, after compinit. fish: write the script to ~/.config/fish/completions/archcalc.fish.
    """
    script = SHELLS[shell](context.find_root().command, {}, "archcalc", "_ARCHCALC_COMPLETE")
    write_output(script.source().rstrip("\n") + "\n", output)

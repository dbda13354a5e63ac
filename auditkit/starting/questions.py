"""The questions that `auditkit init` asks of whoever owns a model, as settings at rest."""

from __future__ import annotations

#: Key of `[context]` to the question that its value answers.
QUESTIONS = {
    "purpose": "What is the model for?",
    "provider": "Who made it, and answers for it?",
    "deployer": "Who uses it?",
    "affected": "Whom do its decisions reach?",
    "decisions": "What is decided by it, or with its help?",
    "appeal": "How can a person object to a decision?",
    "human_role": "What does a person do before a decision holds?",
    "misuse": "For what could it be used wrongly?",
    "environment": "Where does it run, and within what?",
    "excluded": "For what must it not be used?",
    "auditor": "Who audits it, and is that person independent?",
    "data_source": "Where do the data come from?",
    "data_licence": "On what terms may they be used?",
    "consent": "Did the people in them agree, and to what?",
    "retention": "How long are they kept?",
}
#: Claim to its value in the example and the question that it answers yes to.
CLAIMS = {
    "no_sensitive_attribute_used": ("true", "Does the model use no sensitive attribute?"),
    "no_personal_data": ("true", "Do the data hold no personal data?"),
    "anonymous_data": ("true", "Are the data anonymous?"),
    "no_training_data_memorised": ("true", "Does the model remember no row that it learnt from?"),
    "epsilon_at_most": ("3.0", "How much privacy did training spend at most?"),
    "accuracy_at_least": ("0.8", "How often is it right, at least?"),
    "equal_selection": ("true", "Are all groups selected alike, within four fifths?"),
    "equal_errors": ("true", "Do errors reach all groups alike, within 0.1?"),
    "human_reviews_all": ("true", "Does a person review every decision?"),
    "explanation_given": ("true", "Does every decision come with reasons that are sure?"),
    "representative_data": ("true", "Do the rows represent the population?"),
    "complete_data": ("true", "Is no value missing?"),
    "unseen_test_rows": ("true", "Was no assessed row seen in training?"),
    "not_used_for": ('["hiring"]', "For what is it not used? Nobody can measure this."),
}


def questionnaire() -> str:
    """Write `[context]` and `[context.claims]` as settings at rest, a question a key.

    Example:
        >>> questionnaire().splitlines()[1]
        '# purpose = ""  # What is the model for?'
    """
    lines = ["# [context]  # declared by you, not measured; the report shows it as such"]
    lines += [f'# {key} = ""  # {question}' for key, question in QUESTIONS.items()]
    lines.append("# deployment_population = 10000  # About how many people are decisions taken?")
    lines += [
        "",
        "# [context.claims]  # held against what is measured: claim only what holds",
    ]
    lines += [f"# {key} = {value}  # {question}" for key, (value, question) in CLAIMS.items()]
    return "\n".join(lines)

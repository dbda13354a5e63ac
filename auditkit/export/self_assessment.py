"""算法自评估报告: a skeleton in Simplified Chinese, with the evidence of an audit filled in.

Metrics and audits keep their ids, so that each figure is found again in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditkit.changed import Verdict
from auditkit.export.outcomes import Told, identity, told
from auditkit.export.proofs import Proof, proofs
from auditkit.export.texts import markdown, shown, where
from auditkit.render import numbers
from auditkit.report import ContextRecord, Overall, Report, Severity

TO_FILL = "待填写"
VERDICTS: dict[Verdict, str] = {
    "fail": "不通过",
    "error": "出错",
    "inconclusive": "无法判定",
    "not_measured": "未测量",
    "pass": "通过",
    "not_applicable": "不适用",
}
_OVERALL: dict[Overall, str] = {"pass": "通过", "fail": "不通过", "review": "需人工复核"}
_SEVERITIES: dict[Severity, str] = {
    "critical": "严重",
    "high": "高",
    "medium": "中",
    "low": "低",
    "info": "提示",
}
_IDENTITY = {
    "audit_id": "审计编号",
    "auditkit": "auditkit 版本",
    "created": "审计时间（UTC）",
    "policy": "评判策略",
    "policy_sha256": "策略摘要（sha256）",
    "model_sha256": "模型摘要（sha256）",
    "data_sha256": "数据摘要（sha256）",
}
_STATUS = {"error": "审计出错", "skipped": "未执行", "not run": "未安排", "completed": "无数值"}
_RISKS = (
    ("准确性与可靠性", ("performance", "data-quality", "robustness", "compression")),
    (
        "公平性与不合理的差别待遇",
        (
            *("fairness", "adverse-impact", "subgroups", "conditional", "proxies"),
            *("scores-by-group", "individual", "mitigation"),
        ),
    ),
    (
        "透明度与可解释性",
        (
            *("explainability", "effects", "surrogate", "counterfactuals", "reason-codes"),
            "explanation-quality",
        ),
    ),
    (
        "个人信息与隐私",
        (
            *("personal-data", "anonymity", "privacy", "membership", "attribute-inference"),
            *("model-inversion", "memorisation", "privacy-frontier", "epsilon-bound"),
        ),
    ),
    ("资源与能耗", ("energy", "serving", "scaling")),
)

#: The audit whose evidence stands with what people do.
_OVERSIGHT = "oversight"


def self_assessment(report: Report) -> bytes:
    """Write the skeleton.

    Args:
        report: The record.

    Returns:
        Markdown in UTF-8, in Simplified Chinese; what no audit knows is marked 待填写.
    """
    lines = [
        f"# 算法自评估报告（骨架）：{markdown(report.subject.name, 120)}",
        "",
        "本文由审计记录生成，仅列出测得的证据及其编号（见 audit.json），不是认证，也不是法律意见。"
        f"标有“{TO_FILL}”之处由提供者填写。",
        "",
        *_section("一、基本信息", _basics(report)),
        *_section("二、算法原理与运行机制", _mechanism(report)),
        *_section("三、数据情况", _data(report)),
        *_section("四、评估依据与方法", _method(report)),
        "## 五、风险评估",
        "",
    ]
    for number, (title, audits) in enumerate(_risks(report), 1):
        held = [line for proof in proofs(report, audits) for line in _proof(proof)]
        lines += _section(f"{number}. {title}", [*held, f"风险分析与影响：{TO_FILL}"], "###")
    lines += [
        *_section("六、审计发现与处置", _findings(report)),
        *_section("七、未测量事项与局限", _gone(report)),
        *_section("八、人工干预与申诉", _people(report)),
        *_section("九、拟公示内容", [f"算法基本原理、目的意图和主要运行机制：{TO_FILL}"]),
        *_section("十、结论与签署", _signature(report)),
    ]
    return "\n".join(lines).encode()


def _risks(report: Report) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The risks with their audits; those that stand nowhere, such as a plug-in's, come last."""
    yield from _RISKS
    known = {_OVERSIGHT, *(audit for _, audits in _RISKS for audit in audits)}
    others = tuple(audit.name for audit in report.audits if audit.name not in known)
    if others:
        yield "其他", others


def _section(title: str, lines: Iterable[str], level: str = "##") -> Iterator[str]:
    yield from (f"{level} {title}", "")
    yield from (f"- {line}" for line in lines)
    yield ""


def _declared(context: ContextRecord | None, field: str) -> str:
    said = getattr(context, field) if context else ""
    return f"{markdown(said)}（提供者声明，未经测量）" if said else TO_FILL


def _basics(report: Report) -> Iterator[str]:
    context, subject = report.context, report.subject
    yield f"服务名称：{markdown(subject.name, 120)}"
    yield f"服务形式：{TO_FILL}（如网站、应用程序、小程序、接口）"
    yield f"应用领域：{TO_FILL}"
    yield f"算法类型：{TO_FILL}（如调度决策类、排序精选类、个性化推送类）"
    yield f"版本：{markdown(subject.version, 120) or TO_FILL}"
    for title, field in (
        ("提供者", "provider"),
        ("使用目的", "purpose"),
        ("受影响人群", "affected"),
        ("依此作出的决定", "decisions"),
    ):
        yield f"{title}：{_declared(context, field)}"
    told_of = identity(report)
    yield from (f"{title}：{markdown(told_of[key], 120)}" for key, title in _IDENTITY.items())


def _mechanism(report: Report) -> Iterator[str]:
    model, roles = report.subject.model, report.subject.roles
    size = "未知" if model.parameters is None else f"{model.parameters:,}"
    yield f"模型种类：{markdown(model.kind, 120)}；参数数量：{size}"
    yield f"任务类型：{markdown(report.subject.task, 120)}"
    columns = "、".join(markdown(column, 60) for column in roles.features) or TO_FILL
    yield f"输入特征：{columns}"
    yield f"决策阈值：{'无' if roles.threshold is None else repr(roles.threshold)}"
    yield f"基本原理与设计理由：{TO_FILL}"


def _data(report: Report) -> Iterator[str]:
    data, roles = report.subject.data, report.subject.roles
    yield f"数据来源：{markdown(data.source, 200)}"
    trained = "未知" if data.trained_on is None else f"{data.trained_on:,}"
    yield f"行数：读入 {data.rows:,}，参与评估 {data.assessed:,}，用于训练 {trained}"
    columns = "、".join(markdown(column, 60) for column in roles.sensitive) or "无"
    yield f"敏感列：{columns}"
    for group in report.subject.groups:
        named = zip(group.names, group.counts, strict=False)
        counted = "、".join(f"{markdown(one, 60)} {count:,}" for one, count in list(named)[:40])
        yield f"{markdown(group.column, 60)}：{counted}；类别不明 {group.unknown:,}"
    yield f"采集方式、标注、授权与单独同意：{TO_FILL}"


def _method(report: Report) -> Iterator[str]:
    policy = report.policy
    if policy is None:
        yield "未使用评判策略，因此未作任何判定"
        return
    yield f"评判策略 {markdown(policy.name, 120)} 在测量之前确定，摘要见上"
    yield "区间全部在限值之内为通过，全部在限值之外为不通过，其余为无法判定；未测量绝不视为通过"
    for criterion in policy.criteria:
        limits = [
            f"{word} {numbers.limit(limit)}"
            for word, limit in (("不低于", criterion.at_least), ("不高于", criterion.at_most))
            if limit is not None
        ]
        over = where(criterion.slice)
        place = f"（{markdown(over, 200)}）" if over else ""
        whose = "限值由来源规定" if criterion.limit_set_by == "source" else "限值由策略制定者规定"
        yield (
            f"{markdown(criterion.id, 40)}：{markdown(criterion.metric, 120)}{place}"
            f"{'，'.join(limits)}；来源：{markdown(criterion.source, 200)}；{whose}"
        )


def _proof(proof: Proof) -> Iterator[str]:
    audit = markdown(proof.audit, 120)
    if not proof.values:
        why = f"；原因（原文）：{markdown(proof.reason)}" if proof.reason else ""
        yield f"{audit}：未测量（{_STATUS[proof.status]}{why}）"
        return
    said = [f"{markdown(one.id, 40)} {VERDICTS[one.verdict]}" for one in proof.findings]
    found = f"审计发现：{'、'.join(said)}" if said else "未作判定"
    yield f"{audit}：{proof.values:,} 个数值；{found}"
    for measurement, number in proof.named:
        yield f"{markdown(measurement.id, 200)} = {markdown(number)}，n = {measurement.n:,}"


def _findings(report: Report) -> Iterator[str]:
    found = [one for one in told(report) if one.finding.verdict != "not_applicable"]
    yield from (_finding(one) for one in found)
    if not found:
        yield "无"


def _finding(one: Told) -> str:
    verdict, severity = VERDICTS[one.finding.verdict], _SEVERITIES[one.finding.severity]
    value, interval = shown(one.measurement, one.limits) if one.measurement else ("", "")
    number = f"，{markdown(f'{value} {interval}')}" if value else ""
    said = f"{markdown(one.title, 200)}：{verdict}，严重程度 {severity}{number}"
    if one.finding.verdict == "pass":
        return said
    if one.finding.waiver == "holds" and one.waiver is not None:
        owner, day = markdown(one.waiver.owner, 120), one.waiver.expires.isoformat()
        return f"{said}；由 {owner} 豁免至 {day}，理由：{markdown(one.waiver.reason)}"
    return f"{said}；处置措施、责任人与期限：{TO_FILL}"


def _gone(report: Report) -> Iterator[str]:
    for audit in report.audits:
        if audit.status != "completed":
            why = markdown(audit.reason or "")
            yield f"{markdown(audit.name, 120)}：{_STATUS[audit.status]}；原因（原文）：{why}"
    empty = sum(m.value is None for m in report.measurements)
    yield f"没有数值的测量项：{empty:,} 个，各自的原因见审计记录"
    yield f"其他局限：{TO_FILL}"


def _people(report: Report) -> Iterator[str]:
    context = report.context
    yield f"人工的作用：{_declared(context, 'human_role')}"
    yield f"申诉渠道：{_declared(context, 'appeal')}"
    for proof in proofs(report, (_OVERSIGHT,)):
        yield from _proof(proof)


def _signature(report: Report) -> Iterator[str]:
    yield f"审计判定（仅对照所用策略）：{_OVERALL[report.verdict]}"
    yield f"自评估结论：{TO_FILL}"
    yield f"评估人、审核人、负责人及日期：{TO_FILL}"

{{- define "invoked.name" -}}
{{ printf "%s-invoked" .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "invoked.selector" -}}
app.kubernetes.io/name: invoked
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "invoked.labels" -}}
{{ include "invoked.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

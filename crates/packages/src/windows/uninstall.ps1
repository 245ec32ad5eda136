# Removes the program that lies beside this script, and its folder from the user's PATH.
#
#   powershell -ExecutionPolicy Bypass -File uninstall.ps1
#
# What else lies in the folder stays.
[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Name = @NAME@
$Program = @PROGRAM@

$Destination = $PSScriptRoot

$Key = [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey('Environment')
try {
    $Raw = [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames
    $Path = [string] $Key.GetValue('Path', '', $Raw)
    $Folders = @($Path -split ';' | Where-Object { $_ -ne '' })
    $Kept = @($Folders | Where-Object { $_.TrimEnd('\') -ne $Destination.TrimEnd('\') })
    if ($Kept.Count -ne $Folders.Count) {
        $Key.SetValue('Path', ($Kept -join ';'), [Microsoft.Win32.RegistryValueKind]::ExpandString)
        # Setting any variable tells the programs that run that there is something new.
        $Nonce = 'removed-' + [Guid]::NewGuid().ToString('N')
        [Environment]::SetEnvironmentVariable($Nonce, '1', 'User')
        [Environment]::SetEnvironmentVariable($Nonce, $null, 'User')
    }
}
finally {
    $Key.Dispose()
}

foreach ($File in @($Program, "$Program.old", 'completions', 'uninstall.ps1')) {
    $Path = Join-Path -Path $Destination -ChildPath $File
    if (Test-Path -LiteralPath $Path) {
        Remove-Item -LiteralPath $Path -Recurse -Force
    }
}
if (@(Get-ChildItem -LiteralPath $Destination -Force).Count -eq 0) {
    Remove-Item -LiteralPath $Destination -Force
}

Write-Output "$Name is removed"
